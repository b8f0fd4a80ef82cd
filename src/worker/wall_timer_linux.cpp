// timerfd on CLOCK_REALTIME, which the kernel ends as well when the clock is set.
#include <sys/timerfd.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <system_error>

#include "worker/wall_timer.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

// A timer that is not armed does not tell of the clock either.
constexpr std::chrono::hours far_off{24 * 365};

int make_timer() {
  const int fd = ::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "timerfd_create");
  return fd;
}

}  // namespace

struct WallTimer::State {
  explicit State(const asio::any_io_executor& executor) : descriptor(executor, make_timer()) {}

  asio::posix::stream_descriptor descriptor;
  bool woken = false;
};

WallTimer::WallTimer(asio::any_io_executor executor) : state_(std::make_unique<State>(std::move(executor))) {}

WallTimer::~WallTimer() = default;

asio::awaitable<void> WallTimer::wait_until(std::optional<SystemTime> time) {
  const auto now = std::chrono::system_clock::now();
  const auto at = std::max(time.value_or(now + far_off), now + std::chrono::milliseconds(1)).time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at);
  itimerspec spec{};
  spec.it_value.tv_sec = static_cast<time_t>(seconds.count());
  spec.it_value.tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(at - seconds).count();
  const int fd = state_->descriptor.native_handle();
  ::timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, nullptr);
  while (!std::exchange(state_->woken, false)) {
    const auto [failure] = co_await state_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                                                  asio::as_tuple(asio::use_awaitable));
    if (failure) {
      state_->woken = false;
      co_return;
    }
    std::uint64_t expirations = 0;
    // That it was set is an error of the read (ECANCELED).
    if (::read(fd, &expirations, sizeof expirations) >= 0 || errno != EAGAIN) co_return;
  }
}

void WallTimer::wake() {
  state_->woken = true;
  state_->descriptor.cancel();
}

}  // namespace gogrid::worker
