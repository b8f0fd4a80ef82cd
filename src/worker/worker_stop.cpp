// How a worker stops: what it runs finishes, or is handed over.
#include "base/log.hpp"
#include "base/service_manager.hpp"
#include "worker/worker.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds hand_over_timeout{5};
// What it takes at most from the end of its patience to its end.
constexpr std::chrono::seconds end_time{30};

}  // namespace

void Worker::stop(std::optional<std::chrono::milliseconds> patience) {
  ++stop_calls_;
  const auto time = patience.value_or(options_.config.drain_timeout);
  stop_deadline_ = std::chrono::steady_clock::now() + time;
  const auto needed = std::chrono::duration_cast<std::chrono::microseconds>(time + end_time);
  tell_service_manager("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(needed.count()));
  // The coordinator first: it sends nothing more.
  availability_.drain();
  changed(Change::important);
  stop_requested_.notify();
  request_finished_.notify();
}

asio::awaitable<void> Worker::drained() {
  if (requests_running_ > 0) log().info("stopping: waiting for {} running requests", requests_running_);
  while (requests_running_ > 0 && stop_calls_ == 1 && std::chrono::steady_clock::now() < stop_deadline_)
    co_await request_finished_.wait_until(stop_deadline_);
  if (requests_running_ > 0 && stop_calls_ == 1) co_await hand_over();
}

// While it is still connected: what its engines break off ends with the reason, upon which the coordinator has streams
// gone on with elsewhere and puts jobs back into the queue. Of a connection that is closed it would wait for jobs.
asio::awaitable<void> Worker::hand_over() {
  log().info("stopping: {} running requests are handed over", requests_running_);
  for (const auto& [key, replica] : replicas_)
    replica->stop();
  for (const auto& leaving : leaving_)
    leaving->replica->stop();
  const auto deadline = std::chrono::steady_clock::now() + hand_over_timeout;
  while (requests_running_ > 0 && stop_calls_ == 1 && std::chrono::steady_clock::now() < deadline)
    co_await request_finished_.wait_until(deadline);
}

}  // namespace gogrid::worker
