#include "coordinator/jobs/job_writer.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "base/log.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds first_pause{100};
constexpr std::chrono::milliseconds longest_pause{5'000};
// Bounds how long the first of a batch waits for the last.
constexpr std::size_t max_batch = 1024;

}  // namespace

JobWriter::JobWriter(asio::any_io_executor executor, store::JobStore& store, std::function<void(bool)> on_health)
    : executor_(executor),
      store_(store),
      on_health_(std::move(on_health)),
      tasks_(executor),
      pause_(executor),
      flushed_(executor, SteadyTime::max()) {}

JobWriter::~JobWriter() = default;

void JobWriter::write(store::JobChange change, OnStored on_stored) {
  changes_.push_back(std::move(change));
  listeners_.push_back(std::move(on_stored));
  ++written_;
  wake();
}

void JobWriter::suspect() {
  if (!healthy_) return;
  suspected_ = true;
  set_health(false);
  wake();
}

void JobWriter::wake() {
  if (writing_ || stopping_) return;
  writing_ = true;
  tasks_.spawn("job writer", write_all());
}

void JobWriter::stop() {
  stopping_ = true;
  pause_.cancel();
}

asio::awaitable<void> JobWriter::flushed() {
  const std::uint64_t wanted = written_;
  while (stored_ < wanted && (writing_ || !stopping_))
    co_await flushed_.async_wait(use_tuple);
}

asio::awaitable<void> JobWriter::write_all() {
  std::chrono::milliseconds pause = first_pause;
  while (!changes_.empty() || suspected_) {
    const std::size_t count = std::min(changes_.size(), max_batch);
    const auto end = changes_.begin() + static_cast<std::ptrdiff_t>(count);
    // A copy: it may have to be sent again.
    std::vector<store::JobChange> batch(changes_.begin(), end);
    const auto applied = co_await store_.change_jobs(std::move(batch));
    if (!applied) {
      if (healthy_) log().error("jobs cannot be stored: {}; trying again until they can", applied.error().detail);
      set_health(false);
      if (stopping_) break;
      pause_.expires_after(pause);
      co_await pause_.async_wait(use_tuple);
      pause = std::min(2 * pause, longest_pause);
      continue;
    }
    pause = first_pause;
    suspected_ = false;
    std::vector<OnStored> listeners(std::make_move_iterator(listeners_.begin()),
                                    std::make_move_iterator(listeners_.begin() + static_cast<std::ptrdiff_t>(count)));
    changes_.erase(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(count));
    listeners_.erase(listeners_.begin(), listeners_.begin() + static_cast<std::ptrdiff_t>(count));
    stored_ += count;
    set_health(true);
    for (std::size_t i = 0; i < count; ++i) {
      if (listeners[i]) listeners[i]((*applied)[i]);
    }
    flushed_.cancel();
  }
  writing_ = false;
  flushed_.cancel();
}

void JobWriter::set_health(bool healthy) {
  if (std::exchange(healthy_, healthy) == healthy) return;
  if (healthy) log().info("jobs are stored again");
  on_health_(healthy);
}

}  // namespace gogrid::coordinator
