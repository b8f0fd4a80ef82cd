#include "tray/models/week_model.hpp"

#include <QLocale>
#include <QTime>

namespace gogrid::tray {
namespace {

constexpr int hour_count = 24;
constexpr int hour_minutes = 60;

}  // namespace

WeekModel::WeekModel(QObject* parent)
    : QAbstractTableModel(parent), first_day_(QLocale().firstDayOfWeek() - Qt::Monday) {}

void WeekModel::set_schedule(const domain::Schedule& schedule) {
  schedule_ = schedule;
  emit dataChanged(index(0, 0), index(row_count - 1, hour_count - 1));
}

int WeekModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : row_count; }
int WeekModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : hour_count; }

QVariant WeekModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || (role != Qt::AccessibleTextRole && role != Qt::ToolTipRole)) return {};
  return words(index);
}

QVariant WeekModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation == Qt::Horizontal) return role == Qt::DisplayRole ? QString::number(section) : QVariant();
  const QLocale locale;
  if (role == Qt::DisplayRole) return locale.standaloneDayName(day(section) + 1, QLocale::ShortFormat);
  if (role == Qt::AccessibleTextRole) return locale.standaloneDayName(day(section) + 1);
  return {};
}

QString WeekModel::words(const QModelIndex& index) const {
  const QLocale locale;
  const QString day_name = locale.standaloneDayName(day(index.row()) + 1);
  const QString time = locale.toString(QTime(index.column(), 0), QLocale::ShortFormat);
  const int minutes = schedule_.allowed_minutes(day(index.row()), index.column());
  if (minutes == 0) return tr("%1, hour from %2: no work").arg(day_name, time);
  if (minutes == hour_minutes) return tr("%1, hour from %2: work is allowed").arg(day_name, time);
  return tr("%1, hour from %2: work is allowed for %3 minutes").arg(day_name, time).arg(minutes);
}

}  // namespace gogrid::tray
