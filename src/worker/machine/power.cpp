#include "worker/machine/power.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "worker/gpu/host_reader.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;

bool is_on_battery(const HostReading& reading) {
  if (!reading.battery) return false;
  return reading.on_mains ? !*reading.on_mains : reading.battery->state == "Discharging";
}

// Kept by its coroutine for as long as that needs it.
struct Power::Watch {
  explicit Watch(asio::any_io_executor executor) : pause(executor) {}

  void stop() {
    stopped = true;
    if (events) events->stop();
    pause.cancel();
  }

  std::optional<Hotplug> events;
  asio::steady_timer pause;
  bool stopped = false;
};

Power::Power(asio::any_io_executor executor, PowerOptions options, std::function<void()> on_change)
    : executor_(executor), options_(std::move(options)), on_change_(std::move(on_change)), tasks_(executor) {}

Power::~Power() { stop(); }

void Power::start() {
  if (watch_) return;
  watch_ = std::make_shared<Watch>(executor_);
  trouble_.clear();
  // First, so that nothing is missed in between.
  if (auto socket = options_.open_events()) {
    watch_->events.emplace(executor_, std::move(*socket), concerns_power);
  } else {
    trouble_ = socket.error().detail;
  }
  look();
  tasks_.spawn("power", watch(watch_));
}

void Power::stop() {
  if (watch_) std::exchange(watch_, nullptr)->stop();
}

asio::awaitable<void> Power::stopped() { co_await tasks_.wait(); }

void Power::look() {
  reading_ = HostReading();
  read_power(reading_, options_.root);
}

asio::awaitable<void> Power::watch(std::shared_ptr<Watch> watch) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (!watch->stopped) {
    if (watch->events) {
      const Result<void> heard = co_await watch->events->changed();
      if (watch->stopped) co_return;
      if (!heard) {
        trouble_ = heard.error().detail;
        watch->events.reset();
      }
    } else {
      // Nothing can change.
      if (!reading_.battery) co_return;
      watch->pause.expires_after(options_.look_pause);
      co_await watch->pause.async_wait(asio::as_tuple(asio::use_awaitable));
      if (watch->stopped) co_return;
    }
    const bool before = on_battery();
    look();
    if (on_battery() != before) on_change_();
  }
}

}  // namespace gogrid::worker
