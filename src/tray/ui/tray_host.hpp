// TrayHost: whether something on this desktop shows tray icons, and when that changes: a StatusNotifierWatcher on the
// session bus, or an XEmbed tray on the X display. Owned by the program; on the GUI thread.
#pragma once

#include <QAbstractNativeEventFilter>
#include <QDBusServiceWatcher>
#include <QObject>

namespace gogrid::tray {

class TrayHost : public QObject, public QAbstractNativeEventFilter {
  Q_OBJECT

 public:
  explicit TrayHost(QObject* parent = nullptr);
  ~TrayHost() override;

  bool is_there() const { return is_there_; }
  // The icon is a StatusNotifierItem.
  bool is_notifier() const { return began_with_notifier_; }
  // Qt chooses between the two kinds once in a process, at its first icon. A watcher that came later needs a new one.
  bool needs_restart() const;

  bool nativeEventFilter(const QByteArray& type, void* message, qintptr* result) override;

 signals:
  void changed();

 private slots:
  void look();

 private:
  QDBusServiceWatcher watcher_;
  bool began_with_notifier_ = false;
  bool has_notifier_ = false;
  bool is_there_ = false;
};

}  // namespace gogrid::tray
