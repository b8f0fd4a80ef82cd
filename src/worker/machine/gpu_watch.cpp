#include "worker/machine/gpu_watch.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_programs = 8;

std::optional<double> foreign_percent(const GpuReading& reading, bool engines_compute) {
  std::optional<double> ours;
  std::optional<double> others;
  bool has_ours = false;
  for (const GpuProcess& process : reading.processes) {
    has_ours = has_ours || process.ours;
    auto& sum = process.ours ? ours : others;
    if (process.utilisation_percent) sum = sum.value_or(0) + *process.utilisation_percent;
  }
  // All of it is theirs, then. Some drivers (Intel's) say nothing of the whole.
  if ((!has_ours || !engines_compute) && reading.utilisation_percent) return reading.utilisation_percent;
  if (others) return std::min(100.0, *others);
  if (ours && reading.utilisation_percent) return std::max(0.0, *reading.utilisation_percent - *ours);
  return std::nullopt;
}

std::vector<std::string> foreign_programs(const GpuReading& reading) {
  std::vector<const GpuProcess*> foreign;
  for (const GpuProcess& process : reading.processes) {
    if (!process.ours && !process.name.empty()) foreign.push_back(&process);
  }
  std::stable_sort(foreign.begin(), foreign.end(), [](const GpuProcess* one, const GpuProcess* other) {
    return one->bytes.value_or(0) > other->bytes.value_or(0);
  });
  std::vector<std::string> names;
  for (const GpuProcess* process : foreign) {
    if (names.size() >= max_programs) break;
    if (std::find(names.begin(), names.end(), process->name) == names.end()) names.push_back(process->name);
  }
  return names;
}

}  // namespace

std::vector<GpuLoad> gpu_loads(const Survey& survey, bool engines_compute) {
  std::vector<GpuLoad> loads;
  for (const Gpu& gpu : survey.gpus) {
    if (gpu.software) continue;
    GpuLoad load;
    load.id = gpu.id;
    load.name = shown_name(gpu);
    load.temperature_celsius = gpu.reading.temperature_celsius;
    load.foreign_bytes = foreign_bytes(gpu);
    load.foreign_percent = foreign_percent(gpu.reading, engines_compute);
    load.foreign_programs = foreign_programs(gpu.reading);
    load.asleep = gpu.reading.asleep;
    loads.push_back(std::move(load));
  }
  return loads;
}

GpuWatch::GpuWatch(asio::any_io_executor executor, Inventory& inventory, std::function<void(const Survey&)> on_look,
                   std::chrono::milliseconds slow_pause)
    : inventory_(inventory),
      on_look_(std::move(on_look)),
      slow_pause_(slow_pause),
      pause_(executor),
      tasks_(executor) {}

GpuWatch::~GpuWatch() = default;

void GpuWatch::set_pace(Pace pace) {
  if (stopping_ || pace == pace_) return;
  pace_ = pace;
  follow_pace();
}

void GpuWatch::stop() {
  stopping_ = true;
  pace_ = Pace::off;
  follow_pace();
}

asio::awaitable<void> GpuWatch::stopped() { co_await tasks_.wait(); }

void GpuWatch::follow_pace() {
  if (pace_ == Pace::off) gpus_.clear();
  if (pace_ != Pace::live) subscription_.reset();
  if (pace_ == Pace::live && !subscription_)
    subscription_ = inventory_.subscribe([this](const Survey& survey) {
      Survey copy = survey;
      // Whoever hears of it may change the pace, which a listener of the inventory's must not.
      asio::post(pause_.get_executor(), [this, seen = std::move(copy)] {
        if (pace_ == Pace::live) take(seen);
      });
    });
  pause_.cancel();
  if (pace_ == Pace::slow && !looks_slowly_) {
    looks_slowly_ = true;
    tasks_.spawn("GPU watch", look_now_and_then());
  }
}

asio::awaitable<void> GpuWatch::look_now_and_then() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (pace_ == Pace::slow) {
    const Survey survey = co_await inventory_.look();
    if (pace_ != Pace::slow) break;
    take(survey);
    if (pace_ != Pace::slow) break;
    pause_.expires_after(slow_pause_);
    co_await pause_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  looks_slowly_ = false;
}

void GpuWatch::take(const Survey& survey) {
  gpus_ = gpu_loads(survey, engines_compute_);
  on_look_(survey);
}

}  // namespace gogrid::worker
