// SettingField: one setting in the settings window: its name, what edits it, what it means, and what is wrong with it.
// Owned by the window; on the GUI thread.
#pragma once

#include <QLineEdit>
#include <functional>

#include "tray/ui/setting_editor.hpp"

namespace gogrid::tray {

class SettingField final : public SettingEditor {
  Q_OBJECT

 public:
  explicit SettingField(SettingState setting, QWidget* parent = nullptr);

  QJsonValue value() const override { return read_(); }
  bool is_changed() const override;

 protected:
  void forget_edits() override { is_edited_ = false; }
  void show_value() override;
  // To screen readers what is wrong, too.
  void describe() override;

 private:
  QWidget* make_editor();
  QWidget* make_check_box();
  QWidget* make_choice();
  QWidget* make_spin_box();
  QLineEdit* make_line_edit();
  QLineEdit* make_schedule_line();
  void on_edited();

  // A value that an editor cannot show is no change.
  bool is_edited_ = false;
  std::function<QJsonValue()> read_;
  std::function<void(const QJsonValue&)> write_;
  // The schedule has a second editor.
  QWidget* above_ = nullptr;
  QWidget* editor_;
  QLabel* note_;
};

}  // namespace gogrid::tray
