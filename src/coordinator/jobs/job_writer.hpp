// JobWriter: brings changes of jobs to the store in order, many in one transaction, and again until the store takes
// them: what a full disk or a lost database holds up is not lost. Owned by the JobQueue, used on the io thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <vector>

#include "base/task_group.hpp"
#include "store/store.hpp"

namespace gogrid::coordinator {

class JobWriter {
 public:
  // `on_health` is told when the store stops taking changes and when it does again.
  JobWriter(boost::asio::any_io_executor executor, store::JobStore& store, std::function<void(bool)> on_health);
  ~JobWriter();

  // `on_stored` is called when the change is durable; with false when it did not apply (see store::JobChange).
  using OnStored = std::function<void(bool applied)>;
  void write(store::JobChange change, OnStored on_stored = {});
  // Until everything that was written before is stored.
  boost::asio::awaitable<void> flushed();
  // Something else found out that the store does not take what it is given: it is tried until it does.
  void suspect();
  // No more tries after those under way.
  void stop();
  bool healthy() const { return healthy_; }

 private:
  void wake();
  boost::asio::awaitable<void> write_all();
  void set_health(bool healthy);

  boost::asio::any_io_executor executor_;
  store::JobStore& store_;
  std::function<void(bool)> on_health_;
  TaskGroup tasks_;
  std::vector<store::JobChange> changes_;
  std::vector<OnStored> listeners_;
  // Waits between two tries, and for what is flushed.
  boost::asio::steady_timer pause_;
  boost::asio::steady_timer flushed_;
  std::uint64_t written_ = 0;
  std::uint64_t stored_ = 0;
  bool writing_ = false;
  bool suspected_ = false;
  bool healthy_ = true;
  bool stopping_ = false;
};

}  // namespace gogrid::coordinator
