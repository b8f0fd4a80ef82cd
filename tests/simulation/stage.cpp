#include "simulation/stage.hpp"

#include <algorithm>

namespace gogrid::simulation {

void Timeline::at(SteadyTime time, Event event) {
  heap_.push_back(Entry{std::max(time, now_), ++numbers_, std::move(event)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool Timeline::step() {
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end(), later);
  Entry entry = std::move(heap_.back());
  heap_.pop_back();
  now_ = entry.time;
  entry.event();
  return true;
}

std::optional<SteadyTime> Timeline::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().time;
}

void Trace::print(SteadyTime now, const std::string& line) {
  const double seconds = std::chrono::duration<double>(now.time_since_epoch() - std::chrono::hours(1)).count();
  std::printf("%14.6f  %s\n", seconds, line.c_str());
}

}  // namespace gogrid::simulation
