// TrayMenu: the menu of the tray's icon, and of the status window's buttons: the worker's state, what
// there is to know of it, what runs, and what the owner can do. Owned by the program; on the GUI thread.
#pragma once

#include <QAction>
#include <QMenu>
#include <vector>

#include "tray/models/worker_model.hpp"

namespace gogrid::tray {

class TrayMenu : public QObject {
  Q_OBJECT

 public:
  explicit TrayMenu(WorkerModel& worker, QObject* parent = nullptr);

  QMenu& menu() { return menu_; }
  QMenu& pause_menu() { return *pause_; }
  QAction& resume_action() { return *resume_; }
  QAction& start_action() { return *start_; }
  QAction& settings_action() { return *settings_; }
  QAction& statistics_action() { return *statistics_; }

 signals:
  // A line of the state was chosen.
  void status_asked();
  void start_asked();
  void join_asked();
  void settings_asked();
  void statistics_asked();
  void about_asked();
  void quit_asked();
  // What the owner asked for was not done.
  void refused(const QString& why);

 private:
  void refresh();
  void show_details(const QStringList& lines);
  WorkerModel::Done done();

  WorkerModel& worker_;
  QMenu menu_;
  QAction* status_;
  QAction* below_details_;
  std::vector<QAction*> details_;
  QMenu* pause_;
  QAction* resume_;
  QAction* start_;
  QAction* join_;
  QAction* settings_;
  QAction* statistics_;
};

}  // namespace gogrid::tray
