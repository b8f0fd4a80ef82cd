// TaskGroup: the only place that starts detached coroutines. It knows what it started, so that a service can cancel and
// wait for all of it when it stops. Owned by the service; used on its executor's thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace gogrid {

class TaskGroup {
 public:
  explicit TaskGroup(boost::asio::any_io_executor executor);
  // The group must be empty: wait() first. Tasks that are left are abandoned to the executor's own destruction.
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task` on the executor. An exception that leaves it is a fault of ours: it is logged under `name` and the
  // task ends. After cancel() a new task is started and cancelled at its first suspension.
  void spawn(std::string name, boost::asio::awaitable<void> task);

  // Asks every task to stop: their pending asynchronous operations end with operation_aborted.
  void cancel();

  // Completes when no task is left.
  boost::asio::awaitable<void> wait();

  std::size_t size() const;
  const boost::asio::any_io_executor& executor() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Runs `loop` until no task of the group is left: for programs that do one thing. What else waits on the loop, an idle
// connection's timer for example, does not hold it.
void run_until_done(boost::asio::io_context& loop, const TaskGroup& tasks);

}  // namespace gogrid
