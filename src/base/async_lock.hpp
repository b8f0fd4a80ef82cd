// AsyncLock: coroutines of one thread take turns at what suspends in the middle. Owned by what it guards, which
// outlives whoever holds it; used on that thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <utility>

namespace gogrid {

class AsyncLock {
 public:
  AsyncLock() = default;
  AsyncLock(const AsyncLock&) = delete;
  AsyncLock& operator=(const AsyncLock&) = delete;

  // The turn of whoever has it; ends when it is destroyed.
  class Turn {
   public:
    explicit Turn(AsyncLock& lock) : lock_(&lock) {}
    Turn(Turn&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (lock_) lock_->release();
    }

   private:
    AsyncLock* lock_;
  };

  boost::asio::awaitable<Turn> take() {
    namespace asio = boost::asio;
    const auto executor = co_await asio::this_coro::executor;
    while (taken_) {
      const Place place(*this, executor);
      co_await place.timer->async_wait(asio::as_tuple(asio::use_awaitable));
    }
    taken_ = true;
    co_return Turn(*this);
  }

 private:
  using Waiting = std::list<boost::asio::steady_timer>;
  // A place in the line, however its coroutine ends.
  struct Place {
    Place(AsyncLock& its_lock, const boost::asio::any_io_executor& executor)
        : lock(its_lock),
          timer(lock.waiting_.emplace(lock.waiting_.end(), executor, boost::asio::steady_timer::time_point::max())) {}
    ~Place() {
      lock.waiting_.erase(timer);
      // It may have been woken and not have heard it.
      if (!lock.taken_) lock.wake_next();
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    AsyncLock& lock;
    const Waiting::iterator timer;
  };

  void release() {
    taken_ = false;
    wake_next();
  }
  void wake_next() {
    if (!waiting_.empty()) waiting_.front().cancel();
  }

  Waiting waiting_;
  bool taken_ = false;
};

}  // namespace gogrid
