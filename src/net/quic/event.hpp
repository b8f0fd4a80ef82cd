// Event: how a coroutine waits for something that a library's callback finds out. notify() only posts, so that no
// coroutine ever runs inside a callback. Owned by the object that is waited for; used on its executor's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

namespace gogrid::net::quic {

class Event {
 public:
  // Completes at the next notify() with true, or with false when the waiting coroutine is cancelled. The caller checks
  // its condition before and after, and keeps the Event alive meanwhile.
  boost::asio::awaitable<bool> wait(boost::asio::any_io_executor executor) {
    namespace asio = boost::asio;
    if (!timer_) {
      timer_ = std::make_unique<asio::steady_timer>(std::move(executor), asio::steady_timer::time_point::max());
    }
    co_await timer_->async_wait(asio::as_tuple(asio::use_awaitable));
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() == asio::cancellation_type::none;
  }

  void notify() noexcept {
    if (timer_) timer_->cancel();
  }

 private:
  // Never expires. Made by the first wait: most events of an idle connection are never waited for.
  std::unique_ptr<boost::asio::steady_timer> timer_;
};

}  // namespace gogrid::net::quic
