// StatusWindow: what the icon and its menu say, as a small window: for desktops without a tray, and for a click on the
// icon. Owned by the program; on the GUI thread.
#pragma once

#include <QLabel>
#include <QPushButton>
#include <QWidget>

#include "tray/models/worker_model.hpp"
#include "tray/ui/tray_menu.hpp"

namespace gogrid::tray {

class StatusWindow : public QWidget {
  Q_OBJECT

 public:
  StatusWindow(WorkerModel& worker, TrayMenu& menu, QWidget* parent = nullptr);

  // Says that there is no tray, and what closing the window means then.
  void set_alone(bool alone);
  void say(const QString& text);

 signals:
  // Closed by its owner while there is no tray.
  void left();

 protected:
  void closeEvent(QCloseEvent* event) override;

 private:
  void refresh();
  void make_room();

  WorkerModel& worker_;
  bool alone_ = false;
  QLabel* picture_;
  QLabel* headline_;
  QLabel* details_;
  QLabel* notice_;
  QLabel* trouble_;
  QPushButton* pause_;
  QPushButton* resume_;
  QPushButton* start_;
  QPushButton* more_;
};

}  // namespace gogrid::tray
