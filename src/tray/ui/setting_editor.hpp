// SettingEditor: what edits one setting in the settings window, keeps what its owner has changed when the daemon says
// another value, and shows what is wrong with it. Owned by the window; on the GUI thread.
#pragma once

#include <QJsonValue>
#include <QLabel>
#include <QWidget>

#include "tray/connection/rpc.hpp"
#include "tray/models/setting.hpp"

namespace gogrid::tray {

class SettingEditor : public QWidget {
  Q_OBJECT

 public:
  const QString& key() const { return setting_.key; }
  // What the owner wants; null: the default.
  virtual QJsonValue value() const = 0;
  // By the owner, who has not saved it.
  virtual bool is_changed() const = 0;
  // Why the daemon does not take it.
  void show_refusal(const RpcError& refusal);
  void clear_error() { show_error({}); }
  // What the daemon says now; what the owner has changed stays as it is.
  void refresh(const SettingState& setting);
  // The daemon has taken it, or says another value.
  void set_state(const SettingState& setting);

 signals:
  void edited();

 protected:
  SettingEditor(SettingState setting, QWidget* parent);

  virtual void forget_edits() = 0;
  // All but what the owner has changed.
  virtual void show_value() = 0;
  // What there is to say of the setting beside its value.
  virtual void describe() = 0;

  // Empty: nothing is wrong.
  void show_error(const QString& error);

  SettingState setting_;
  // For the layout of whoever derives from it.
  QLabel* fault_;
};

// From now on the wheel turns `widget` only while it has the focus, and scrolls its page else.
void guard_wheel(QWidget* widget);

}  // namespace gogrid::tray
