#include "worker/engine/engine_devices.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "base/log.hpp"
#include "worker/engine/log_tail.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds look_timeout{20};
constexpr std::size_t max_output_bytes = 64 * 1024;
constexpr std::size_t shown_lines = 3;
constexpr std::chrono::seconds give_back_timeout{5};
constexpr std::chrono::milliseconds give_back_interval{250};

std::string gigabytes(std::uint64_t bytes) { return fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9); }

}  // namespace

EngineDevices::Use::Use(EngineDevices& devices, std::vector<std::string> names) : devices_(devices) {
  for (std::string& name : names)
    bytes_.emplace(std::move(name), 0);
  place_ = devices_.uses_.insert(devices_.uses_.end(), this);
}

EngineDevices::Use::~Use() {
  devices_.uses_.erase(place_);
  devices_.count();
}

void EngineDevices::Use::set_bytes(const std::string& device, std::uint64_t bytes) {
  bytes_[device] = bytes;
  devices_.count();
}

void EngineDevices::Use::end() {
  ended_ = true;
  devices_.count();
}

EngineDevices::EngineDevices(asio::any_io_executor executor, Sandbox& sandbox, VramLimits limits,
                             std::function<void()> on_change)
    : executor_(std::move(executor)), sandbox_(sandbox), limits_(std::move(limits)), on_change_(std::move(on_change)) {}

bool EngineDevices::in_use(std::string_view device) const {
  return std::any_of(uses_.begin(), uses_.end(),
                     [&](const Use* use) { return use->bytes_.contains(std::string(device)); });
}

void EngineDevices::set_limits(VramLimits limits) {
  limits_ = std::move(limits);
  worker::set_limits(devices_, limits_);
}

void EngineDevices::count() {
  for (EngineDevice& device : devices_) {
    device.used_bytes = 0;
    for (const Use* use : uses_) {
      const auto found = use->bytes_.find(device.name);
      if (!use->ended_ && found != use->bytes_.end()) device.used_bytes += found->second;
    }
  }
}

asio::awaitable<void> EngineDevices::look(std::shared_ptr<const Engine> engine) {
  if (engine->id != engine_id_ || !engine->gpu) {
    devices_.clear();
    trouble_.clear();
    engine_id_ = engine->id;
  }
  if (!engine->gpu) co_return;
  // Who is on a device now is so in what the engine sees, even if it ends meanwhile.
  std::vector<std::string> ours;
  for (const EngineDevice& device : devices_) {
    if (in_use(device.name)) ours.push_back(device.name);
  }
  const auto output = co_await ask(engine);
  if (engine->id != engine_id_) co_return;
  if (!output) {
    if (trouble_ != output.error().detail) log().warn("{}", output.error().detail);
    trouble_ = output.error().detail;
    on_change_();
    co_return;
  }
  trouble_.clear();
  auto fresh = limit_devices(parse_device_list(*output), limits_);
  for (const auto& [name, bytes] : limits_.device_bytes) {
    const auto named = [&name = name](const EngineDevice& device) { return device.name == name; };
    if (devices_.empty() && std::none_of(fresh.begin(), fresh.end(), named))
      log().warn("worker.max_vram_gb_each names {}, which the engine does not see", name);
  }
  for (EngineDevice& device : fresh) {
    device.foreign_bytes = device.total_bytes - device.free_bytes;
    const bool is_ours = in_use(device.name) || std::find(ours.begin(), ours.end(), device.name) != ours.end();
    if (!is_ours) continue;
    device.foreign_bytes = 0;
    for (const EngineDevice& old : devices_) {
      if (old.name == device.name) device.foreign_bytes = std::min(old.foreign_bytes, device.total_bytes);
    }
  }
  devices_ = std::move(fresh);
  count();
  on_change_();
}

asio::awaitable<Result<std::string>> EngineDevices::ask(std::shared_ptr<const Engine> engine) {
  const std::string failed = "the engine's devices are not known: ";
  const EngineLaunch launch = device_list_launch(*engine);
  auto started = sandbox_.start(launch.spec, launch.host);
  if (!started) co_return Error(started.error().code, failed + started.error().detail);
  const std::shared_ptr<Process> process = std::move(started->process);
  asio::steady_timer limit(executor_, look_timeout);
  const auto timed_out = std::make_shared<bool>(false);
  limit.async_wait([process, timed_out](const boost::system::error_code& error) {
    if (error) return;
    *timed_out = true;
    process->kill();
  });
  std::string output;
  LogTail tail;
  std::function<void(std::string_view)> keep = [&output, &tail, process](std::string_view text) {
    output.append(text.substr(0, max_output_bytes - output.size()));
    tail.feed(text, nullptr);
    if (output.size() == max_output_bytes) process->kill();
  };
  co_await process->read_output(std::move(keep));
  const ExitStatus status = co_await process->exited();
  limit.cancel();
  if (*timed_out) co_return Error(ErrorCode::timeout, failed + "it did not list them in time");
  if (!status.success()) {
    const std::string last = tail.text(shown_lines);
    co_return Error(ErrorCode::unavailable, failed + "it " + status.text() + (last.empty() ? "" : ":\n" + last));
  }
  co_return output;
}

std::shared_ptr<EngineDevices::Use> EngineDevices::use(std::vector<std::string> names) {
  if (names.empty()) {
    for (const EngineDevice& device : devices_)
      names.push_back(device.name);
  }
  return std::make_shared<Use>(*this, std::move(names));
}

std::string EngineDevices::over_limit(const Use& use) const {
  for (const EngineDevice& device : devices_) {
    const auto own = use.bytes_.find(device.name);
    if (own == use.bytes_.end() || own->second == 0 || device.used_bytes <= device.limit_bytes) continue;
    std::string text = "it took " + gigabytes(own->second) + " of " + device.name;
    if (device.used_bytes > own->second) text += ", with others of ours " + gigabytes(device.used_bytes);
    return text + "; the owner's limit is " + gigabytes(device.limit_bytes);
  }
  return {};
}

asio::awaitable<std::string> EngineDevices::given_back(std::shared_ptr<const Engine> engine, std::shared_ptr<Use> use) {
  use->end();
  const auto deadline = std::chrono::steady_clock::now() + give_back_timeout;
  for (;;) {
    co_await look(engine);
    std::string missing;
    for (const EngineDevice& device : devices_) {
      if (use->bytes_.contains(device.name) && !memory_is_back(device)) {
        missing = fmt::format("{} of {} are free, fewer than before", gigabytes(device.free_bytes), device.name);
      }
    }
    if (missing.empty() || !trouble_.empty() || std::chrono::steady_clock::now() > deadline) co_return missing;
    asio::steady_timer pause(executor_, give_back_interval);
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

}  // namespace gogrid::worker
