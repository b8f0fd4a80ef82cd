// Notifier: wakes the coroutines that wait for something to change. Whoever waits checks its condition before and
// after. Used on its executor's one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <list>

namespace gogrid::worker {

class Notifier {
 public:
  explicit Notifier(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  void notify() {
    for (auto* timer : waiting_)
      timer->cancel();
  }

  boost::asio::awaitable<void> wait() { co_await wait_until(boost::asio::steady_timer::time_point::max()); }
  // Returns early when notified.
  boost::asio::awaitable<void> wait_for(std::chrono::steady_clock::duration limit) {
    co_await wait_until(std::chrono::steady_clock::now() + limit);
  }
  boost::asio::awaitable<void> wait_until(std::chrono::steady_clock::time_point until) {
    boost::asio::steady_timer timer(executor_, until);
    Entry entry(waiting_, timer);
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }

 private:
  struct Entry {
    Entry(std::list<boost::asio::steady_timer*>& its_list, boost::asio::steady_timer& timer)
        : list(its_list), position(list.insert(list.end(), &timer)) {}
    ~Entry() { list.erase(position); }
    std::list<boost::asio::steady_timer*>& list;
    std::list<boost::asio::steady_timer*>::iterator position;
  };

  boost::asio::any_io_executor executor_;
  std::list<boost::asio::steady_timer*> waiting_;
};

}  // namespace gogrid::worker
