#include "base/task_group.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

#include "base/log.hpp"

namespace gogrid {
namespace asio = boost::asio;

struct TaskGroup::State {
  explicit State(asio::any_io_executor its_executor) : executor(std::move(its_executor)), emptied(executor) {
    emptied.expires_at(asio::steady_timer::time_point::max());
  }

  asio::any_io_executor executor;
  // Never expires; cancelled to wake wait().
  asio::steady_timer emptied;
  std::list<asio::cancellation_signal> signals;
  bool cancelled = false;
};

TaskGroup::TaskGroup(asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}

TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(std::string name, asio::awaitable<void> task) {
  auto signal = state_->signals.emplace(state_->signals.end());
  auto on_done = [state = state_, signal, name = std::move(name)](std::exception_ptr failure) {
    state->signals.erase(signal);
    if (state->signals.empty()) state->emptied.cancel();
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const boost::system::system_error& error) {
      if (error.code() != asio::error::operation_aborted) log().error("task {} failed: {}", name, error.what());
    } catch (const std::exception& error) {
      log().error("task {} failed: {}", name, error.what());
    }
  };
  asio::co_spawn(state_->executor, std::move(task), asio::bind_cancellation_slot(signal->slot(), std::move(on_done)));
  if (state_->cancelled) cancel();
}

void TaskGroup::cancel() {
  state_->cancelled = true;
  // Emitting can end a task at once, which erases its signal: post, so that no list changes under this loop.
  for (auto signal = state_->signals.begin(); signal != state_->signals.end(); ++signal) {
    asio::post(state_->executor, [state = state_, signal = &*signal] {
      for (auto& candidate : state->signals) {
        if (&candidate == signal) {
          candidate.emit(asio::cancellation_type::all);
          return;
        }
      }
    });
  }
}

asio::awaitable<void> TaskGroup::wait() {
  const auto state = state_;
  while (!state->signals.empty()) {
    co_await state->emptied.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

std::size_t TaskGroup::size() const { return state_->signals.size(); }

const asio::any_io_executor& TaskGroup::executor() const { return state_->executor; }

void run_until_done(asio::io_context& loop, const TaskGroup& tasks) {
  while (tasks.size() > 0 && loop.run_one() > 0) {
  }
}

}  // namespace gogrid
