// SettingField: one setting in the settings window: its name, what edits it, what it means, and what is wrong with it.
// Owned by the window; on the GUI thread.
#pragma once

#include <QLabel>
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
  bool is_changed() const;
  // Empty: nothing is.
  void show_error(const QString& error);
  // The daemon has taken it, or says another value.
  void set_state(const SettingState& setting);

 signals:
  void edited();

 private:
  QWidget* make_editor();
  QWidget* make_check_box();
  QWidget* make_choice();
  QWidget* make_spin_box();
  QWidget* make_line_edit();

  SettingState setting_;
  std::function<QJsonValue()> read_;
  std::function<void(const QJsonValue&)> write_;
  QLabel* note_;
  QLabel* error_;
};

// A label below a field, smaller than the rest.
QLabel* make_note(const QString& text);

}  // namespace gogrid::tray
