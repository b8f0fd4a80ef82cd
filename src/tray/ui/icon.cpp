#include "tray/ui/icon.hpp"

#include <QPainter>
#include <QPainterPath>
#include <QPixmap>

namespace gogrid::tray {
namespace {

// On a field of 32 by 32.
constexpr double field = 32;

QColor badge_colour(Mood mood) {
  switch (mood) {
    case Mood::idle:
      return QColor(0x2f, 0x6f, 0xb3);
    case Mood::working:
      return QColor(0x1e, 0x86, 0x4b);
    case Mood::paused:
      return QColor(0xb2, 0x6a, 0x00);
    case Mood::offline:
      return QColor(0x5f, 0x68, 0x73);
    case Mood::error:
      return QColor(0xc0, 0x2b, 0x2b);
  }
  return Qt::gray;
}

// Four cells of a grid.
void draw_cells(QPainter& painter, bool filled) {
  for (const double x : {8.5, 17.5}) {
    for (const double y : {8.5, 17.5}) {
      const QRectF cell(x, y, 6, 6);
      if (filled) {
        painter.fillRect(cell, Qt::white);
      } else {
        painter.drawRect(cell.adjusted(0.5, 0.5, -0.5, -0.5));
      }
    }
  }
}

void draw_sign(QPainter& painter, Mood mood) {
  painter.setPen(QPen(Qt::white, 2, Qt::SolidLine, Qt::SquareCap, Qt::MiterJoin));
  painter.setBrush(Qt::NoBrush);
  switch (mood) {
    case Mood::idle:
      return draw_cells(painter, false);
    case Mood::working:
      return draw_cells(painter, true);
    case Mood::paused:
      painter.fillRect(QRectF(9.5, 8.5, 4.5, 15), Qt::white);
      painter.fillRect(QRectF(18, 8.5, 4.5, 15), Qt::white);
      return;
    case Mood::offline:
      draw_cells(painter, false);
      painter.setPen(QPen(badge_colour(mood), 7));
      painter.drawLine(QPointF(7, 25), QPointF(25, 7));
      painter.setPen(QPen(Qt::white, 3, Qt::SolidLine, Qt::RoundCap));
      painter.drawLine(QPointF(8, 24), QPointF(24, 8));
      return;
    case Mood::error:
      painter.fillRect(QRectF(14, 7.5, 4, 11), Qt::white);
      painter.fillRect(QRectF(14, 21, 4, 4), Qt::white);
      return;
  }
}

}  // namespace

QPixmap mood_picture(Mood mood, int points, double ratio) {
  const int pixels = qRound(points * ratio);
  QPixmap picture(pixels, pixels);
  picture.fill(Qt::transparent);
  QPainter painter(&picture);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.scale(pixels / field, pixels / field);
  QPainterPath badge;
  badge.addRoundedRect(QRectF(1.5, 1.5, field - 3, field - 3), 7, 7);
  painter.fillPath(badge, badge_colour(mood));
  painter.setPen(QPen(QColor(255, 255, 255, 230), 2));
  painter.drawPath(badge);
  draw_sign(painter, mood);
  painter.end();
  picture.setDevicePixelRatio(ratio);
  return picture;
}

QIcon mood_icon(Mood mood) {
  QIcon icon;
  for (const int pixels : {16, 22, 24, 32, 48, 64, 128})
    icon.addPixmap(mood_picture(mood, pixels));
  return icon;
}

}  // namespace gogrid::tray
