#include "worker/engine/vram_watch.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "worker/engine/device_gpus.hpp"
#include "worker/engine/replica.hpp"
#include "worker/sandbox/process_tree.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds longest_pause{10};

}  // namespace

VramWatch::VramWatch(asio::any_io_executor executor, EngineDevices& devices, Sources sources,
                     std::chrono::milliseconds pause)
    : devices_(devices),
      sources_(std::move(sources)),
      first_pause_(pause),
      pause_(pause),
      changed_(executor),
      tasks_(executor) {}

void VramWatch::start() { tasks_.spawn("GPU memory", run()); }

asio::awaitable<void> VramWatch::run() {
  // A look is not broken off: it ends with its source.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (!stopping_) {
    if (sources_.engines().empty()) {
      pause_ = first_pause_;
      co_await changed_.wait();
      continue;
    }
    const auto next = std::chrono::steady_clock::now() + pause_;
    while (!stopping_ && !sources_.engines().empty() && std::chrono::steady_clock::now() < next)
      co_await changed_.wait_until(next);
    if (stopping_ || sources_.engines().empty()) continue;
    const Survey survey = co_await sources_.look();
    if (!stopping_) take(survey);
  }
}

void VramWatch::take(const Survey& survey) {
  bool is_told = false;
  const auto engines = sources_.engines();
  for (const auto& replica : engines) {
    const auto bytes = bytes_of_processes(process_tree(replica->pid()), devices_.list(), survey.gpus);
    is_told = is_told || !bytes.empty();
    replica->devices_measured(bytes);
  }
  pause_ = is_told ? first_pause_ : std::min<std::chrono::milliseconds>(pause_ * 2, longest_pause);
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
