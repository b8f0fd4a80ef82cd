// SettingField: one setting in the settings window: its name, what edits it, what it means, and what is wrong with it.
// Owned by the window; on the GUI thread.
#pragma once

#include <QLabel>
#include <QLineEdit>
#include <QWidget>
#include <functional>

#include "tray/models/setting.hpp"

namespace gogrid::tray {

class SettingField : public QWidget {
  Q_OBJECT

 public:
  explicit SettingField(SettingState setting, QWidget* parent = nullptr);

  const QString& key() const { return setting_.key; }
  // What the owner wants; null: the default.
  QJsonValue value() const { return read_(); }
  // By the owner, who has not saved it.
  bool is_changed() const;
  // Empty: nothing is.
  void show_error(const QString& error);
  // What the daemon says now; what the owner has changed stays as it is.
  void refresh(const SettingState& setting);
  // The daemon has taken it, or says another value.
  void set_state(const SettingState& setting);

 signals:
  void edited();

 private:
  QWidget* make_editor();
  QWidget* make_check_box();
  QWidget* make_choice();
  QWidget* make_spin_box();
  QLineEdit* make_line_edit();
  QLineEdit* make_schedule_line();
  void on_edited();
  void describe();

  SettingState setting_;
  // A value that an editor cannot show is no change.
  bool is_edited_ = false;
  std::function<QJsonValue()> read_;
  std::function<void(const QJsonValue&)> write_;
  // The schedule has a second editor.
  QWidget* above_ = nullptr;
  QWidget* editor_;
  QLabel* note_;
  QLabel* fault_;
};

// From now on the wheel turns `widget` only while it has the focus, and scrolls its page else.
void guard_wheel(QWidget* widget);

}  // namespace gogrid::tray
