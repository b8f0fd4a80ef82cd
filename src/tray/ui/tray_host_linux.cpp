#include <QApplication>
#include <QDBusConnection>
#include <QDBusConnectionInterface>
#include <QSystemTrayIcon>

#include "tray/ui/tray_host.hpp"

namespace gogrid::tray {
namespace {

constexpr const char* notifier = "org.kde.StatusNotifierWatcher";
// Of the X protocol: a tray says by a message that it came; its window is destroyed when it goes.
constexpr unsigned char x_destroy_notify = 17;
constexpr unsigned char x_client_message = 33;

bool notifier_runs() {
  const auto bus = QDBusConnection::sessionBus();
  return bus.isConnected() && bus.interface()->isServiceRegistered(notifier);
}

}  // namespace

TrayHost::TrayHost(QObject* parent) : QObject(parent) {
  auto bus = QDBusConnection::sessionBus();
  watcher_.setConnection(bus);
  watcher_.addWatchedService(notifier);
  connect(&watcher_, &QDBusServiceWatcher::serviceOwnerChanged, this, &TrayHost::look);
  bus.connect({}, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected", this, SLOT(look()));
  began_with_notifier_ = notifier_runs();
  QCoreApplication::instance()->installNativeEventFilter(this);
  look();
}

TrayHost::~TrayHost() {
  if (auto* application = QCoreApplication::instance()) application->removeNativeEventFilter(this);
}

bool TrayHost::needs_restart() const { return has_notifier_ && !began_with_notifier_; }

void TrayHost::look() {
  has_notifier_ = notifier_runs();
  const bool is_there = began_with_notifier_ ? has_notifier_ : QSystemTrayIcon::isSystemTrayAvailable();
  if (is_there == is_there_ && !needs_restart()) return;
  is_there_ = is_there;
  emit changed();
}

bool TrayHost::nativeEventFilter(const QByteArray& type, void* message, qintptr*) {
  if (began_with_notifier_ || type != "xcb_generic_event_t") return false;
  const unsigned char kind = *static_cast<const unsigned char*>(message) & 0x7f;
  // Qt looks at the event after us.
  if (kind == x_destroy_notify || kind == x_client_message)
    QMetaObject::invokeMethod(this, &TrayHost::look, Qt::QueuedConnection);
  return false;
}

}  // namespace gogrid::tray
