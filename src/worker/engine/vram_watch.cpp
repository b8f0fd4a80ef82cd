#include "worker/engine/vram_watch.hpp"

#include <boost/asio/this_coro.hpp>

#include "worker/engine/device_gpus.hpp"
#include "worker/engine/replica.hpp"
#include "worker/sandbox/process_tree.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds busy_pause{5};
constexpr std::chrono::seconds idle_pause{15};

}  // namespace

VramWatch::VramWatch(asio::any_io_executor executor, EngineDevices& devices, Sources sources)
    : devices_(devices), sources_(std::move(sources)), changed_(executor), tasks_(executor) {}

void VramWatch::start() { tasks_.spawn("GPU memory", run()); }

asio::awaitable<void> VramWatch::run() {
  // A look is not broken off: it ends with its source.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (!stopping_) {
    if (sources_.engines().empty()) {
      co_await changed_.wait();
      continue;
    }
    const auto next = last_look_ + (sources_.computing() ? busy_pause : idle_pause);
    if (std::chrono::steady_clock::now() < next) {
      co_await changed_.wait_until(next);
      continue;
    }
    const Survey survey = co_await sources_.look();
    if (!stopping_) take(survey);
  }
}

void VramWatch::take(const Survey& survey) {
  last_look_ = std::chrono::steady_clock::now();
  const auto engines = sources_.engines();
  for (const auto& replica : engines) {
    replica->devices_measured(bytes_of_processes(process_tree(replica->pid()), devices_.list(), survey.gpus));
  }
  // Of those on a device that is over its limit, the one that has grown most. The others may fit without it.
  std::shared_ptr<Replica> over;
  for (const auto& replica : engines) {
    if (replica->over_device_limit().empty()) continue;
    if (!over || replica->device_growth_bytes() > over->device_growth_bytes()) over = replica;
  }
  if (over) over->end_over_limit(over->over_device_limit());
}

void VramWatch::stop() {
  stopping_ = true;
  changed_.notify();
}

asio::awaitable<void> VramWatch::stopped() { co_await tasks_.wait(); }

}  // namespace gogrid::worker
