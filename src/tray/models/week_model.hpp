// WeekModel: the hours of the week in which work is allowed, as a table: a row a day, beginning with the week's first
// day where the owner lives, a column an hour. Owned by a ScheduleGrid; on the GUI thread.
#pragma once

#include <QAbstractTableModel>

#include "domain/schedule.hpp"

namespace gogrid::tray {

class WeekModel : public QAbstractTableModel {
  Q_OBJECT

 public:
  explicit WeekModel(QObject* parent = nullptr);

  const domain::Schedule& schedule() const { return schedule_; }
  void set_schedule(const domain::Schedule& schedule);
  // 0 is Monday.
  int day(int row) const { return (first_day_ + row) % row_count; }

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  // Cells have no text but that for screen readers and tool tips.
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  static constexpr int row_count = 7;

  QString words(const QModelIndex& index) const;

  domain::Schedule schedule_;
  int first_day_;
};

}  // namespace gogrid::tray
