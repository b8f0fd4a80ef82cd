#include "base/log_writer.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace gogrid {
namespace {

constexpr std::chrono::seconds flush_time{1};
// Waking a thread for each line would cost more than the line.
constexpr std::chrono::milliseconds gather_time{10};

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto count = ::write(descriptor, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd wait{descriptor, POLLOUT, 0};
      ::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      // Nobody reads it any more, or the disk is full.
      return;
    }
  }
}

}  // namespace

// Shared with the thread, which a stalled descriptor may hold for longer than the writer lives.
struct LogWriter::State {
  State(int its_descriptor, std::size_t its_max) : descriptor(its_descriptor), max_waiting_bytes(its_max) {}

  void run() {
    std::unique_lock lock(mutex);
    std::string text;
    for (;;) {
      changed.wait(lock, [this] { return stopping || !waiting.empty(); });
      if (waiting.empty()) return;
      hurried.wait_for(lock, gather_time, [this] { return stopping || urgent; });
      text.swap(waiting);
      urgent = false;
      writing = true;
      lock.unlock();
      write_all(descriptor, text);
      text = std::string();
      lock.lock();
      writing = false;
      if (waiting.empty()) written.notify_all();
    }
  }

  // Half of what waits, so that each byte is moved once on average.
  void drop_oldest() {
    const std::size_t end = waiting.find('\n', waiting.size() / 2);
    const std::size_t count = end == waiting.npos ? waiting.size() : end + 1;
    dropped_lines += static_cast<std::uint64_t>(
        std::count(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count), '\n'));
    waiting.erase(0, count);
  }

  const int descriptor;
  const std::size_t max_waiting_bytes;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::condition_variable hurried;
  std::condition_variable written;
  std::string waiting;
  std::uint64_t dropped_lines = 0;
  bool urgent = false;
  bool writing = false;
  bool stopping = false;
};

LogWriter::LogWriter(int descriptor, std::size_t max_waiting_bytes)
    : state_(std::make_shared<State>(descriptor, max_waiting_bytes)) {
  std::thread([state = state_] { state->run(); }).detach();
}

LogWriter::~LogWriter() {
  flush();
  const std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->changed.notify_one();
  state_->hurried.notify_one();
}

void LogWriter::write(std::string_view line, bool urgent) {
  bool wake = false;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->waiting.empty() && state_->waiting.size() + line.size() > state_->max_waiting_bytes)
      state_->drop_oldest();
    wake = state_->waiting.empty() && !state_->writing;
    state_->waiting += line;
    state_->urgent = state_->urgent || urgent;
  }
  if (wake) state_->changed.notify_one();
  if (urgent) state_->hurried.notify_one();
}

bool LogWriter::flush() {
  std::unique_lock lock(state_->mutex);
  state_->urgent = !state_->waiting.empty();
  state_->hurried.notify_one();
  return state_->written.wait_for(lock, flush_time, [this] { return state_->waiting.empty() && !state_->writing; });
}

std::uint64_t LogWriter::dropped_lines() const {
  const std::lock_guard lock(state_->mutex);
  return state_->dropped_lines;
}

}  // namespace gogrid
