// VramField: how much of each GPU's memory GoGrid may use, as a slider against what the GPU has. Owned by the settings
// window; on the GUI thread.
#pragma once

#include <QGridLayout>
#include <QSlider>
#include <vector>

#include "tray/models/worker_status.hpp"
#include "tray/ui/setting_editor.hpp"

namespace gogrid::tray {

class VramField final : public SettingEditor {
  Q_OBJECT

 public:
  // `setting` is worker.max_vram_gb_each.
  explicit VramField(SettingState setting, QWidget* parent = nullptr);

  // The GPUs that the worker sees now. One that is gone keeps its slider: its limit is still a setting.
  void add_devices(const std::vector<Device>& devices);

  // Null where every GPU may be used whole.
  QJsonValue value() const override;
  bool is_changed() const override;

 protected:
  void forget_edits() override;
  void show_value() override;
  void describe() override;

 private:
  struct Row {
    Device device;
    QLabel* name;
    QSlider* slider;
    QLabel* amount;
    // By the owner. A limit that no step of the slider shows stays as it is otherwise.
    bool is_moved = false;
  };
  void add_row(const Device& device);
  // The row's name means this GPU from now on.
  void take_device(Row& row, const Device& device);
  void on_moved(std::size_t at);
  void show_amount(const Row& row) const;

  std::vector<Row> rows_;
  QGridLayout* sliders_;
  // Instead of sliders.
  QLabel* none_;
  QLabel* lock_;
};

}  // namespace gogrid::tray
