// SetupWizard: makes this computer a worker: a join token and a coordinator, then starting. Owned by the program,
// deleted when closed; on the GUI thread.
#pragma once

#include <QCheckBox>
#include <QDialog>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QStackedWidget>

#include "tray/connection/joining.hpp"

namespace gogrid::tray {

class SetupWizard : public QDialog {
  Q_OBJECT

 public:
  explicit SetupWizard(const Place& place, QWidget* parent = nullptr);

 signals:
  // The worker can be started.
  void joined();

 private:
  QWidget* make_join_page();
  QWidget* make_end_page();
  void take_pasted(const QString& text);
  void refresh();
  void join();
  void on_joined();
  void finish();

  Joining joining_;
  QStackedWidget* pages_;
  QLineEdit* token_;
  QLineEdit* host_;
  QSpinBox* port_;
  QLabel* trouble_;
  QPushButton* join_;
  QCheckBox* login_;
  QLabel* end_trouble_;
  QPushButton* done_ = nullptr;
  bool is_joining_ = false;
};

}  // namespace gogrid::tray
