#include "worker/hardware.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"
#include "base/utf8.hpp"
#include "wire/worker_protocol.pb.h"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds longest_watch{60};
// A device comes with many events, and its driver after it.
constexpr std::chrono::seconds settle_time{2};

std::string text(const std::string& value) { return valid_utf8(value, max_gpu_text_bytes); }

void add_gpu(wire::Hardware& message, const Gpu& gpu) {
  auto& out = *message.add_gpus();
  out.set_id(text(gpu.id));
  out.set_vendor(text(gpu.vendor));
  out.set_name(text(shown_name(gpu)));
  out.set_pci_id(text(gpu.pci_id));
  out.set_driver(text(gpu.driver));
  out.set_driver_version(text(gpu.driver_version));
  out.set_total_bytes(gpu.total_bytes);
  out.set_integrated(gpu.integrated);
  out.set_software(gpu.software);
}

void add_gpu_reading(wire::HardwareReading& message, const Gpu& gpu) {
  auto& out = *message.add_gpus();
  const GpuReading& reading = gpu.reading;
  out.set_id(text(gpu.id));
  if (reading.used_bytes) out.set_used_bytes(*reading.used_bytes);
  if (reading.free_bytes) out.set_free_bytes(*reading.free_bytes);
  if (reading.utilisation_percent) out.set_utilisation_percent(static_cast<float>(*reading.utilisation_percent));
  if (reading.temperature_celsius) out.set_temperature_celsius(static_cast<float>(*reading.temperature_celsius));
  if (reading.power_watts) out.set_power_watts(static_cast<float>(*reading.power_watts));
  out.set_asleep(reading.asleep);
  if (const auto bytes = foreign_bytes(gpu)) out.set_foreign_bytes(*bytes);
  std::uint32_t foreign = 0;
  for (const GpuProcess& process : reading.processes)
    foreign += process.ours ? 0 : 1;
  out.set_foreign_processes(foreign);
}

}  // namespace

HardwareMonitor::HardwareMonitor(asio::any_io_executor executor, InventoryOptions options, Events events)
    : executor_(executor),
      events_(std::move(events)),
      inventory_(executor, std::move(options)),
      watch_end_(executor),
      settle_(executor),
      tasks_(executor) {}

void HardwareMonitor::start() {
  auto socket = open_hotplug_socket();
  if (socket) {
    hotplug_.emplace(executor_, std::move(*socket));
  } else {
    log().info("devices that come and go are not noticed: {}", socket.error().detail);
  }
  tasks_.spawn("hardware", run());
}

asio::awaitable<void> HardwareMonitor::run() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  for (bool first = true; !stopping_; first = false) {
    Survey seen = co_await inventory_.look();
    if (stopping_) break;
    const bool is_other = !same_facts(seen, survey_);
    if (is_other) {
      for (const Gpu& gpu : seen.gpus)
        log().info("GPU {}: {}, driver {} {}", gpu.id, shown_name(gpu), gpu.driver.empty() ? "none" : gpu.driver,
                   gpu.driver_version);
    }
    survey_ = std::move(seen);
    events_.on_look();
    if (is_other && !first) events_.on_change();
    if (!hotplug_) break;
    const Result<void> heard = co_await hotplug_->changed();
    if (!heard || stopping_) break;
    settle_.expires_after(settle_time);
    co_await settle_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

void HardwareMonitor::watch(std::chrono::seconds time) {
  if (time.count() <= 0 || stopping_) {
    watch_end_.cancel();
    subscription_.reset();
    return;
  }
  if (!subscription_)
    subscription_ = inventory_.subscribe([this](const Survey& survey) { events_.on_reading(survey); });
  watch_end_.expires_after(std::min(time, longest_watch));
  watch_end_.async_wait([this](boost::system::error_code failure) {
    if (!failure) subscription_.reset();
  });
}

void HardwareMonitor::stop() {
  stopping_ = true;
  watch(std::chrono::seconds(0));
  inventory_.stop();
  if (hotplug_) hotplug_->stop();
  settle_.cancel();
}

asio::awaitable<void> HardwareMonitor::stopped() {
  co_await tasks_.wait();
  co_await inventory_.stopped();
}

void add_facts(wire::Hardware& message, const Survey& survey) {
  for (const Gpu& gpu : survey.gpus)
    add_gpu(message, gpu);
  message.set_disk_bytes(survey.host.disk_bytes);
  message.set_has_battery(survey.host.battery.has_value());
  for (const std::string& source : survey.looked_at)
    message.add_looked_at(text(source));
}

wire::HardwareReading to_reading(const Survey& survey) {
  wire::HardwareReading message;
  const HostReading& host = survey.host;
  if (host.memory_bytes > 0) message.set_memory_available_bytes(host.memory_available_bytes);
  if (host.cpu_percent) message.set_cpu_percent(static_cast<float>(*host.cpu_percent));
  if (host.disk_bytes > 0) message.set_disk_free_bytes(host.disk_free_bytes);
  if (host.battery) {
    if (host.battery->percent) message.set_battery_percent(static_cast<float>(*host.battery->percent));
    message.set_battery_state(text(host.battery->state));
  }
  if (host.on_mains) message.set_on_mains(*host.on_mains);
  for (const Gpu& gpu : survey.gpus)
    add_gpu_reading(message, gpu);
  return message;
}

}  // namespace gogrid::worker
