// ScheduleEditor: the week's hours beside the line that holds them as a text: what is typed shows in the grid, what is
// painted becomes the text. Owned by a SettingField; on the GUI thread.
#pragma once

#include <QLabel>
#include <QLineEdit>
#include <QWidget>

#include "tray/ui/schedule_grid.hpp"

namespace gogrid::tray {

class ScheduleEditor : public QWidget {
  Q_OBJECT

 public:
  explicit ScheduleEditor(QLineEdit& line, QWidget* parent = nullptr);

 signals:
  // The line has another text by the grid.
  void painted();

 private:
  void take_text();
  void take_painted();

  QLineEdit& line_;
  ScheduleGrid* grid_;
  QLabel* never_;
  // The newest that was not painted.
  QString typed_;
  domain::Schedule typed_schedule_;
  bool is_painting_ = false;
};

}  // namespace gogrid::tray
