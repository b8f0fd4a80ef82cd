// LogWriter: writes lines to a descriptor on a thread of its own, so that a reader that stalls (a full pipe, a stopped
// terminal) stops nobody else. What waits is bounded: the oldest lines go first. Owned by the process's logger; safe
// from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace gogrid {

class LogWriter {
 public:
  // Does not own the descriptor.
  explicit LogWriter(int descriptor, std::size_t max_waiting_bytes = 256 * 1024);
  // What waits is still written, for a second at most.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // `line` ends in a newline. Never waits. One that is not urgent may be written some milliseconds later, with others.
  void write(std::string_view line, bool urgent);
  // Waits until all is written, a second at most; false when it is not.
  bool flush();
  std::uint64_t dropped_lines() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace gogrid
