// Retry: when to try again what comes and goes, a display or a bus: a few times quickly, for it may just be starting,
// then only when told that something has changed. Owned by what tries; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <utility>

#include "worker/notifier.hpp"

namespace gogrid::worker {

class Retry {
 public:
  explicit Retry(boost::asio::any_io_executor executor) : news_(std::move(executor)) {}

  // Another attempt may be worth it.
  void tell() {
    told_ = true;
    news_.notify();
  }
  void succeeded() {
    attempts_ = 0;
    pause_ = first_pause;
  }
  void stop() {
    stopped_ = true;
    news_.notify();
  }

  // After an attempt that failed: until the next one.
  boost::asio::awaitable<void> wait() {
    if (std::exchange(told_, false)) succeeded();
    if (++attempts_ >= quick_attempts) {
      co_await wait_until_told();
    } else if (!stopped_) {
      co_await news_.wait_for(pause_);
      pause_ *= 2;
    }
  }
  // After one that would fail again as things are.
  boost::asio::awaitable<void> wait_until_told() {
    while (!told_ && !stopped_)
      co_await news_.wait();
    told_ = false;
    succeeded();
  }

 private:
  static constexpr int quick_attempts = 6;
  static constexpr std::chrono::milliseconds first_pause{100};

  Notifier news_;
  std::chrono::milliseconds pause_ = first_pause;
  int attempts_ = 0;
  bool told_ = false;
  bool stopped_ = false;
};

}  // namespace gogrid::worker
