// The tray's pictures, drawn for each size: a badge with an outline that stands out on light and on dark panels, whose
// sign differs by shape and not by colour alone. GUI thread.
#pragma once

#include <QIcon>

#include "tray/models/worker_status.hpp"

namespace gogrid::tray {

QIcon mood_icon(Mood mood);
// As large as `points` on a screen with `ratio` pixels a point.
QPixmap mood_picture(Mood mood, int points, double ratio = 1);

}  // namespace gogrid::tray
