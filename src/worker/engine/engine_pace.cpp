#include "worker/engine/engine_pace.hpp"

#include <signal.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "worker/sandbox/process_tree.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::microseconds turn_time{100'000};

}  // namespace

EnginePace::EnginePace(asio::any_io_executor executor, const Process& outermost)
    : timer_(executor), outermost_(outermost) {}

EnginePace::~EnginePace() { signal(SIGCONT); }

// Not to the outermost: it waits for the others, and we wait for it.
void EnginePace::signal(int number) const {
  const pid_t outermost = outermost_.pid();
  if (outermost == 0) return;
  for (const pid_t pid : process_tree(outermost)) {
    if (pid != outermost) ::kill(pid, number);
  }
}

asio::awaitable<void> EnginePace::turn(double share) {
  const auto computes = std::chrono::duration_cast<std::chrono::microseconds>(turn_time * share);
  timer_.expires_after(computes);
  co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  if (computes >= turn_time) co_return;
  signal(SIGSTOP);
  timer_.expires_after(turn_time - computes);
  co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  signal(SIGCONT);
}

}  // namespace gogrid::worker
