#include "tray/ui/chart.hpp"

#include <QPainter>
#include <QPainterPath>
#include <algorithm>
#include <array>
#include <cmath>

namespace gogrid::tray {
namespace {

constexpr int margin = 8;
// Of what the axis spans: longer without a value is a gap.
constexpr double gap = 0.03;

// The next of 1, 2, 5, 10, 20 … that is not below it.
double round_up(double value) {
  if (!(value > 0)) return 1;
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (value <= step * power) return step * power;
  }
  return 10 * power;
}

}  // namespace

Chart::Chart(QString title, QColor colour, Words words, QWidget* parent)
    : QWidget(parent), title_(std::move(title)), colour_(colour), words_(std::move(words)) {
  setAccessibleName(title_);
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void Chart::set_top(double top) {
  top_ = top;
  update();
}

void Chart::set_span(qint64 begin, qint64 end, QString begin_text, QString end_text) {
  begin_ = begin;
  end_ = std::max(begin + 1, end);
  begin_text_ = std::move(begin_text);
  end_text_ = std::move(end_text);
  update();
}

void Chart::set_points(std::vector<Point> points) {
  points_ = std::move(points);
  const auto value = newest();
  setAccessibleDescription(value ? words_(*value) : tr("not known"));
  update();
}

QSize Chart::sizeHint() const { return {280, 130}; }
QSize Chart::minimumSizeHint() const { return {200, 110}; }

std::optional<double> Chart::newest() const {
  // An older one would be taken for what is now.
  return points_.empty() ? std::nullopt : points_.back().value;
}

double Chart::top() const {
  if (top_ > 0) return top_;
  double most = 0;
  for (const Point& point : points_)
    most = std::max(most, point.value.value_or(0));
  return round_up(most);
}

void Chart::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  const QFontMetrics metrics = fontMetrics();
  const QRect inner = rect().adjusted(margin, margin, -margin, -margin);
  painter.fillRect(rect(), palette().color(QPalette::Base));
  painter.setPen(palette().color(QPalette::Text));
  const auto value = newest();
  const QString now = value ? words_(*value) : tr("not known");
  QFont bold = font();
  bold.setBold(true);
  painter.setFont(bold);
  const int room = inner.width() - QFontMetrics(bold).horizontalAdvance(now) - margin;
  painter.drawText(inner, Qt::AlignRight | Qt::AlignTop, now);
  painter.setFont(font());
  painter.drawText(inner, Qt::AlignLeft | Qt::AlignTop, metrics.elidedText(title_, Qt::ElideRight, room));
  const int line = metrics.height();
  const QRectF area = QRectF(inner).adjusted(0, line + margin, 0, -line - 2);
  draw_axes(painter, area);
  if (points_.size() > 1) draw_line(painter, area);
}

void Chart::draw_axes(QPainter& painter, const QRectF& area) const {
  QColor faint = palette().color(QPalette::Text);
  faint.setAlphaF(0.25F);
  painter.setPen(QPen(faint, 1));
  for (const double part : {0.0, 0.5, 1.0}) {
    const double y = std::round(area.bottom() - part * area.height()) + 0.5;
    painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
  }
  faint.setAlphaF(0.65F);
  painter.setPen(faint);
  const QRectF below(area.left(), area.bottom() + 2, area.width(), fontMetrics().height());
  // Time goes to the right in every language, as the line does.
  painter.drawText(below, Qt::AlignAbsolute | Qt::AlignLeft | Qt::AlignVCenter, begin_text_);
  painter.drawText(below, Qt::AlignAbsolute | Qt::AlignRight | Qt::AlignVCenter, end_text_);
  painter.drawText(below, Qt::AlignHCenter | Qt::AlignVCenter, tr("up to %1").arg(words_(top())));
}

void Chart::draw_line(QPainter& painter, const QRectF& area) const {
  const auto place = [&](const Point& point) {
    const double x = static_cast<double>(point.at - begin_) / static_cast<double>(end_ - begin_);
    const double y = std::clamp(*point.value / top(), 0.0, 1.0);
    return QPointF(area.left() + x * area.width(), area.bottom() - y * area.height());
  };
  QPainterPath line;
  QPainterPath filled;
  std::optional<QPointF> before;
  for (const Point& point : points_) {
    if (!point.value || point.at < begin_ || point.at > end_) {
      if (!point.value) before.reset();
      continue;
    }
    const QPointF here = place(point);
    if (before && here.x() - before->x() <= gap * area.width()) {
      line.moveTo(*before);
      line.lineTo(here);
      filled.addPolygon(
          QPolygonF({QPointF(before->x(), area.bottom()), *before, here, QPointF(here.x(), area.bottom())}));
    }
    before = here;
  }
  QColor faint = colour_;
  faint.setAlphaF(0.18F);
  painter.setRenderHint(QPainter::Antialiasing, false);
  painter.fillPath(filled, faint);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(QPen(colour_, 2, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
  painter.drawPath(line);
}

}  // namespace gogrid::tray
