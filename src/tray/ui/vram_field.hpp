// VramField: how much of each GPU's memory GoGrid may use, as a slider against what the GPU has. Owned by the settings
// window; on the GUI thread.
#pragma once

#include <QJsonValue>
#include <QLabel>
#include <QSlider>
#include <QWidget>
#include <vector>

#include "tray/models/setting.hpp"
#include "tray/models/worker_status.hpp"

namespace gogrid::tray {

class VramField : public QWidget {
  Q_OBJECT

 public:
  // `setting` is worker.max_vram_gb_each.
  VramField(SettingState setting, const std::vector<Device>& devices, QWidget* parent = nullptr);

  // What to send: null where every GPU may be used whole.
  QJsonValue value() const;
  bool is_changed() const;
  // What the daemon says now; what the owner has changed stays as it is.
  void refresh(const SettingState& setting);
  void set_state(const SettingState& setting);
  void show_error(const QString& error);

 signals:
  void edited();

 private:
  struct Row {
    Device device;
    QSlider* slider;
    QLabel* amount;
    // By the owner. A limit that no step of the slider shows stays as it is otherwise.
    bool is_moved = false;
  };
  void on_moved(std::size_t at);
  void show_limits();
  void show_amount(const Row& row) const;

  SettingState setting_;
  std::vector<Row> rows_;
  QLabel* lock_;
  QLabel* fault_;
};

}  // namespace gogrid::tray
