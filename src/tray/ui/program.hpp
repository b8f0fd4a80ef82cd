// Program: the tray as a whole: the icon, its menu and its windows, which exist only while they are open. Owned by
// main(); on the GUI thread.
#pragma once

#include <QPointer>
#include <QSystemTrayIcon>
#include <QTimer>
#include <memory>
#include <vector>

#include "tray/connection/place.hpp"
#include "tray/connection/worker_starter.hpp"
#include "tray/models/worker_model.hpp"
#include "tray/ui/status_window.hpp"
#include "tray/ui/tray_host.hpp"
#include "tray/ui/tray_menu.hpp"

namespace gogrid::tray {

class Program : public QObject {
  Q_OBJECT

 public:
  // `in_background`: started at login, when a tray may come later than we do.
  Program(Place place, bool in_background, QObject* parent = nullptr);
  ~Program() override;

  void start();
  void show_window();

 signals:
  // The desktop's tray needs another process of this program.
  void restart_wanted();

 private:
  void on_no_daemon();
  void start_worker();
  void follow_host();
  void restart_when_left_alone();
  // But for the status window.
  std::vector<QWidget*> open_windows() const;
  void refresh_icon();
  void show_settings();
  void show_statistics();
  void show_wizard();
  void show_about();
  void ask_to_quit();
  void quit_with_worker();

  Place place_;
  bool in_background_;
  // The daemon is started by itself once, when the program starts; afterwards only its owner does.
  bool may_start_ = true;
  WorkerModel worker_;
  WorkerStarter starter_;
  TrayMenu menu_;
  TrayHost host_;
  StatusWindow window_;
  QSystemTrayIcon icon_;
  // A panel that restarts is gone for a moment.
  QTimer patience_;
  Mood shown_mood_ = Mood::offline;
  QPointer<QWidget> settings_;
  QPointer<QWidget> statistics_;
  QPointer<QWidget> wizard_;
  QPointer<QWidget> about_;
  QPointer<QWidget> question_;
};

}  // namespace gogrid::tray
