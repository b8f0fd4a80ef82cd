#include "tray/ui/schedule_grid.hpp"

#include <QAccessible>
#include <QHeaderView>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QStyledItemDelegate>
#include <algorithm>

namespace gogrid::tray {
namespace {

constexpr int hour_minutes = 60;
constexpr int least_column_pixels = 14;
constexpr double header_scale = 0.8;

class CellPainter : public QStyledItemDelegate {
 public:
  explicit CellPainter(const WeekModel& week, QObject* parent) : QStyledItemDelegate(parent), week_(week) {}

  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
    const bool is_enabled = option.state.testFlag(QStyle::State_Enabled);
    const auto group = is_enabled ? QPalette::Active : QPalette::Disabled;
    painter->fillRect(option.rect, option.palette.color(group, QPalette::Base));
    const auto allows = [&](int minute) {
      return week_.schedule().allows({week_.day(index.row()), index.column() * hour_minutes + minute});
    };
    for (int begin = 0, end = 0; begin < hour_minutes; begin = end) {
      while (end < hour_minutes && allows(end) == allows(begin))
        ++end;
      if (!allows(begin)) continue;
      QRectF part = option.rect;
      const int left = option.direction == Qt::RightToLeft ? hour_minutes - end : begin;
      part.setLeft(option.rect.left() + option.rect.width() * left / double(hour_minutes));
      part.setWidth(option.rect.width() * (end - begin) / double(hour_minutes));
      painter->fillRect(part, option.palette.color(group, QPalette::Highlight));
    }
    if (!option.state.testFlag(QStyle::State_HasFocus)) return;
    // Two lines stand out on whatever is below.
    painter->setPen(QPen(option.palette.color(QPalette::Text), 2));
    painter->drawRect(QRectF(option.rect).adjusted(1, 1, -1, -1));
    painter->setPen(QPen(option.palette.color(QPalette::Base), 1));
    painter->drawRect(QRectF(option.rect).adjusted(2.5, 2.5, -2.5, -2.5));
  }

 private:
  const WeekModel& week_;
};

bool is_arrow(int key) {
  return key == Qt::Key_Left || key == Qt::Key_Right || key == Qt::Key_Up || key == Qt::Key_Down;
}

}  // namespace

ScheduleGrid::ScheduleGrid(QWidget* parent) : QTableView(parent) {
  setModel(&week_);
  setItemDelegate(new CellPainter(week_, this));
  setSelectionMode(NoSelection);
  setEditTriggers(NoEditTriggers);
  setTabKeyNavigation(false);
  setCornerButtonEnabled(false);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
  for (QHeaderView* header : {horizontalHeader(), verticalHeader()}) {
    QFont small = font();
    small.setPointSizeF(small.pointSizeF() * header_scale);
    header->setFont(small);
    header->setHighlightSections(false);
    header->setMinimumSectionSize(least_column_pixels);
  }
  horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
  verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
  verticalHeader()->setDefaultSectionSize(fontMetrics().height() + 6);
  connect(horizontalHeader(), &QHeaderView::sectionClicked, this,
          [this](int hour) { paint_line(week_.index(0, hour), week_.index(week_.rowCount() - 1, hour)); });
  connect(verticalHeader(), &QHeaderView::sectionClicked, this,
          [this](int row) { paint_line(week_.index(row, 0), week_.index(row, week_.columnCount() - 1)); });
  setCurrentIndex(week_.index(0, 0));
}

void ScheduleGrid::show_schedule(const domain::Schedule& schedule) {
  if (schedule == week_.schedule()) return;
  stroke_.reset();
  week_.set_schedule(schedule);
}

QSize ScheduleGrid::sizeHint() const {
  const int frame = 2 * frameWidth();
  return {verticalHeader()->sizeHint().width() + week_.columnCount() * least_column_pixels + frame,
          horizontalHeader()->sizeHint().height() + verticalHeader()->length() + frame};
}

QSize ScheduleGrid::minimumSizeHint() const { return sizeHint(); }

bool ScheduleGrid::is_allowed(const QModelIndex& index) const {
  return week_.schedule().allowed_minutes(week_.day(index.row()), index.column()) == hour_minutes;
}

void ScheduleGrid::begin(const QModelIndex& from, bool allows) { stroke_ = Stroke{from, week_.schedule(), allows}; }

void ScheduleGrid::draw_to(const QModelIndex& to) {
  domain::Schedule schedule = stroke_->before;
  const auto [top, bottom] = std::minmax({stroke_->from.row(), to.row()});
  const auto [left, right] = std::minmax({stroke_->from.column(), to.column()});
  for (int row = top; row <= bottom; ++row) {
    for (int hour = left; hour <= right; ++hour)
      schedule.set_hour(week_.day(row), hour, stroke_->allows);
  }
  if (schedule == week_.schedule()) return;
  week_.set_schedule(schedule);
  emit painted();
  // Screen readers say what has become of the cell.
  if (!QAccessible::isActive()) return;
  QAccessibleInterface* table = QAccessible::queryAccessibleInterface(this);
  QAccessibleEvent changed(table->tableInterface()->cellAt(to.row(), to.column()), QAccessible::NameChanged);
  QAccessible::updateAccessibility(&changed);
}

void ScheduleGrid::paint_line(const QModelIndex& from, const QModelIndex& to) {
  bool allows = false;
  for (int row = from.row(); row <= to.row(); ++row) {
    for (int hour = from.column(); hour <= to.column(); ++hour)
      allows = allows || !is_allowed(week_.index(row, hour));
  }
  begin(from, allows);
  draw_to(to);
  stroke_.reset();
}

void ScheduleGrid::keyPressEvent(QKeyEvent* event) {
  const QModelIndex before = currentIndex();
  if (event->key() == Qt::Key_Space && before.isValid()) {
    begin(before, !is_allowed(before));
    return draw_to(before);
  }
  const bool paints = is_arrow(event->key()) && event->modifiers().testFlag(Qt::ShiftModifier);
  if (!paints && event->key() != Qt::Key_Shift) stroke_.reset();
  QTableView::keyPressEvent(event);
  if (!paints || currentIndex() == before || !before.isValid()) return;
  if (!stroke_) begin(before, is_allowed(before));
  draw_to(currentIndex());
}

void ScheduleGrid::mousePressEvent(QMouseEvent* event) {
  const QModelIndex at = indexAt(event->position().toPoint());
  if (event->button() != Qt::LeftButton || !at.isValid()) return;
  setCurrentIndex(at);
  begin(at, !is_allowed(at));
  draw_to(at);
}

void ScheduleGrid::mouseMoveEvent(QMouseEvent* event) {
  if (!stroke_ || !event->buttons().testFlag(Qt::LeftButton)) return;
  const QRect area = viewport()->rect();
  const QPoint place = event->position().toPoint();
  const QModelIndex at = indexAt(
      {std::clamp(place.x(), area.left(), area.right() - 1), std::clamp(place.y(), area.top(), area.bottom() - 1)});
  if (!at.isValid() || at == currentIndex()) return;
  setCurrentIndex(at);
  draw_to(at);
}

void ScheduleGrid::mouseReleaseEvent(QMouseEvent*) { stroke_.reset(); }

void ScheduleGrid::mouseDoubleClickEvent(QMouseEvent* event) { mousePressEvent(event); }

}  // namespace gogrid::tray
