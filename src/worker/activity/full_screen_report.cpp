#include "worker/activity/full_screen_report.hpp"

#include <algorithm>

namespace gogrid::worker {

FullScreenReport FullScreenReport::combine(const std::vector<FullScreenReport>& reports) {
  FullScreenReport all;
  for (const FullScreenReport& report : reports) {
    all.sight = std::max(all.sight, report.sight);
    if (!all.full_screen) all.full_screen = report.full_screen;
  }
  // A display that is there and not seen is told beside those that are.
  for (const Sight sight : {Sight::watched, Sight::blind, Sight::absent}) {
    if (sight == Sight::absent && all.sight != Sight::absent) break;
    for (const FullScreenReport& report : reports) {
      if (report.sight == sight && !report.detail.empty())
        all.detail += (all.detail.empty() ? "" : ", ") + report.detail;
    }
  }
  return all;
}

}  // namespace gogrid::worker
