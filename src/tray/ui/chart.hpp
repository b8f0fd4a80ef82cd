// Chart: a line of values over time with its newest value in words; where a value is not known the line has a gap.
// Owned by the statistics window; on the GUI thread.
#pragma once

#include <QColor>
#include <QString>
#include <QWidget>
#include <functional>
#include <optional>
#include <vector>

namespace gogrid::tray {

class Chart : public QWidget {
  Q_OBJECT

 public:
  struct Point {
    qint64 at = 0;
    std::optional<double> value;
  };
  using Words = std::function<QString(double)>;

  // `words` says a value with its unit.
  Chart(QString title, QColor colour, Words words, QWidget* parent = nullptr);

  // The axis goes from 0 to `top`, or as far as the values go where that is 0.
  void set_top(double top);
  // `begin` and `end` are what the axis of time spans; its ends are labelled with these texts.
  void set_span(qint64 begin, qint64 end, QString begin_text, QString end_text);
  void set_points(std::vector<Point> points);

  QSize sizeHint() const override;
  QSize minimumSizeHint() const override;

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  void draw_axes(QPainter& painter, const QRectF& area) const;
  void draw_line(QPainter& painter, const QRectF& area) const;
  std::optional<double> newest() const;
  double top() const;

  QString title_;
  QColor colour_;
  Words words_;
  double top_ = 0;
  qint64 begin_ = 0;
  qint64 end_ = 1;
  QString begin_text_;
  QString end_text_;
  std::vector<Point> points_;
};

}  // namespace gogrid::tray
