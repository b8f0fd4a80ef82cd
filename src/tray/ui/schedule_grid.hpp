// ScheduleGrid: the hours of the week as cells that are painted: by dragging the mouse over them, with Space, or with
// Shift and the arrow keys. Owned by a ScheduleEditor; on the GUI thread.
#pragma once

#include <QTableView>
#include <optional>

#include "tray/models/week_model.hpp"

namespace gogrid::tray {

class ScheduleGrid : public QTableView {
  Q_OBJECT

 public:
  explicit ScheduleGrid(QWidget* parent = nullptr);

  const domain::Schedule& schedule() const { return week_.schedule(); }
  void show_schedule(const domain::Schedule& schedule);

  QSize sizeHint() const override;
  QSize minimumSizeHint() const override;

 signals:
  // By its owner.
  void painted();

 protected:
  void keyPressEvent(QKeyEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;

 private:
  // A rectangle that grows from a cell, over what was there before.
  struct Stroke {
    QModelIndex from;
    domain::Schedule before;
    bool allows = false;
  };

  bool is_allowed(const QModelIndex& index) const;
  void begin(const QModelIndex& from, bool allows);
  void draw_to(const QModelIndex& to);
  // From one end of a row or column to the other.
  void paint_line(const QModelIndex& from, const QModelIndex& to);

  WeekModel week_;
  std::optional<Stroke> stroke_;
};

}  // namespace gogrid::tray
