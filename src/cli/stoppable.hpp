// Runs a task that Ctrl-C or a time limit may stop without ending the command, which then decides what to do. On the
// context's executor's thread.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdlib>
#include <optional>

#include "base/result.hpp"
#include "base/task_group.hpp"
#include "cli/context.hpp"
#include "cli/exit_code.hpp"

namespace gogrid::cli {

template <class T>
struct Stoppable {
  // Empty: it was stopped.
  std::optional<Result<T>> outcome;
  bool timed_out = false;
  bool interrupted = false;
};

template <class T>
boost::asio::awaitable<void> keep_outcome(boost::asio::awaitable<Result<T>> task, Stoppable<T>& out, TaskGroup& tasks) {
  out.outcome = co_await std::move(task);
  tasks.cancel();
}

template <class T>
boost::asio::awaitable<void> stop_after(std::chrono::seconds limit, Stoppable<T>& out, TaskGroup& tasks) {
  boost::asio::steady_timer timer(tasks.executor(), limit);
  const auto [failure] = co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  if (failure) co_return;
  out.timed_out = true;
  tasks.cancel();
}

template <class T>
boost::asio::awaitable<Stoppable<T>> run_stoppable(Context& context, boost::asio::awaitable<Result<T>> task,
                                                   std::optional<std::chrono::seconds> limit) {
  Stoppable<T> out;
  TaskGroup tasks(context.executor());
  int interrupts = 0;
  {
    const Interrupts::Scope in_charge(context.interrupts(), [&] {
      // Whatever still holds on, a name that does not resolve, is left behind.
      if (++interrupts > 2) std::_Exit(ExitCode::interrupted);
      tasks.cancel();
    });
    tasks.spawn("task", keep_outcome(std::move(task), out, tasks));
    if (limit) tasks.spawn("limit", stop_after(*limit, out, tasks));
    co_await tasks.wait();
  }
  out.interrupted = interrupts > 0;
  if (out.outcome && !*out.outcome && out.outcome->error().code == ErrorCode::cancelled) out.outcome.reset();
  co_return out;
}

}  // namespace gogrid::cli
