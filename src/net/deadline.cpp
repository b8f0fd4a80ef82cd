#include "net/deadline.hpp"

#include <boost/asio/steady_timer.hpp>
#include <optional>

namespace gogrid::net {

struct Deadline::State : std::enable_shared_from_this<State> {
  State(boost::asio::any_io_executor its_executor, std::function<void()> its_on_expired)
      : executor(std::move(its_executor)), on_expired(std::move(its_on_expired)) {}

  void arm() {
    if (!timer) timer.emplace(executor);
    armed = when;
    timer->expires_at(armed);
    timer->async_wait([state = shared_from_this()](const boost::system::error_code& failure) {
      if (!failure) state->fired();
    });
  }

  void fired() {
    armed = TimePoint::max();
    if (!on_expired || when == TimePoint::max()) return;
    if (std::chrono::steady_clock::now() < when) return arm();
    when = TimePoint::max();
    // A copy: what is called may destroy the Deadline.
    const auto call = on_expired;
    call();
  }

  boost::asio::any_io_executor executor;
  std::function<void()> on_expired;
  // Made when first needed.
  std::optional<boost::asio::steady_timer> timer;
  TimePoint when = TimePoint::max();
  TimePoint armed = TimePoint::max();
};

Deadline::Deadline(boost::asio::any_io_executor executor, std::function<void()> on_expired)
    : state_(std::make_shared<State>(std::move(executor), std::move(on_expired))) {}

Deadline::~Deadline() {
  state_->on_expired = nullptr;
  // The waiting handler holds the state, and the state the timer.
  if (state_->timer) state_->timer->cancel();
}

void Deadline::set(TimePoint when) {
  state_->when = when;
  if (when < state_->armed) state_->arm();
}

void Deadline::set_after(std::chrono::milliseconds duration) {
  if (duration.count() == 0) return clear();
  set(std::chrono::steady_clock::now() + duration);
}

void Deadline::clear() { state_->when = TimePoint::max(); }

}  // namespace gogrid::net
