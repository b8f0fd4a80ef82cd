// What a hostile worker may send, taken as control and as work frames.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/utf8.hpp"
#include "domain/scheduler.hpp"
#include "frames.hpp"
#include "wire/hardware_messages.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"

using namespace gogrid;

namespace {

constexpr std::size_t max_name_bytes = 256;
constexpr std::uint64_t exbibyte = std::uint64_t{1} << 60;

void check(bool holds) {
  if (!holds) std::abort();
}

void check_text(const std::string& text) { check(text.size() <= max_name_bytes && is_utf8(text)); }
void check_bytes(std::optional<std::uint64_t> bytes) { check(bytes.value_or(0) < exbibyte); }
// Not a number is never between them.
void check_number(std::optional<double> number, double least, double most) {
  check(!number || (*number >= least && *number <= most));
}

void check_hardware(const domain::Hardware& hardware) {
  check_text(hardware.cpu);
  check_bytes(hardware.memory_bytes);
  check_bytes(hardware.disk_bytes);
  check(hardware.gpus.size() <= wire::max_gpus);
  for (const domain::Gpu& gpu : hardware.gpus) {
    for (const auto* text : {&gpu.id, &gpu.vendor, &gpu.name, &gpu.pci_id, &gpu.driver, &gpu.driver_version})
      check_text(*text);
    check_bytes(gpu.total_bytes);
  }
  for (const std::string& place : hardware.looked_at)
    check_text(place);
}

void check_reading(const domain::HardwareReading& reading) {
  check_bytes(reading.memory_available_bytes);
  check_bytes(reading.disk_free_bytes);
  check_number(reading.cpu_percent, 0, 100);
  check_number(reading.battery_percent, 0, 100);
  check_text(reading.battery_state);
  check(reading.gpus.size() <= wire::max_gpus);
  for (const domain::GpuReading& gpu : reading.gpus) {
    check_text(gpu.id);
    for (const auto bytes : {gpu.used_bytes, gpu.free_bytes, gpu.foreign_bytes})
      check_bytes(bytes);
    check_number(gpu.utilisation_percent, 0, 100);
    check_number(gpu.temperature_celsius, -1e6, 1e6);
    check_number(gpu.power_watts, 0, 1e6);
  }
}

// What is understood of a message is understood the same when it is said again: it is what it says that is bounded.
void check_said_again(const wire::HardwareReading& message) {
  const domain::HardwareReading reading = wire::to_reading(message);
  wire::HardwareReading again;
  if (reading.memory_available_bytes) again.set_memory_available_bytes(*reading.memory_available_bytes);
  if (reading.cpu_percent) again.set_cpu_percent(static_cast<float>(*reading.cpu_percent));
  if (reading.on_mains) again.set_on_mains(*reading.on_mains);
  again.set_battery_state(reading.battery_state);
  const domain::HardwareReading same = wire::to_reading(again);
  check(same.memory_available_bytes == reading.memory_available_bytes && same.cpu_percent == reading.cpu_percent &&
        same.on_mains == reading.on_mains && same.battery_state == reading.battery_state);
}

void judge(std::string_view payload) {
  const auto data = wire::data_in(payload);
  const auto work = wire::decode_frame<wire::WorkerWorkFrame>(payload);
  // The short cut and the parser agree.
  if (data && work && work->kind_case() == wire::WorkerWorkFrame::kData && work->data() != *data) std::abort();
  const auto control = wire::decode_frame<wire::WorkerFrame>(payload);
  if (!control) return;
  const domain::WorkerId worker("wk");
  const SteadyTime now{std::chrono::hours(1)};
  domain::Scheduler scheduler{domain::SchedulerLimits{}};
  scheduler.model_added(domain::Model{domain::ModelId("m"), "m", domain::ModelKind::chat, "s", 1000, 512, 2}, now);
  check_hardware(wire::to_hardware(control->hardware()));
  check_reading(wire::to_reading(control->reading()));
  check_said_again(control->reading());
  domain::WorkerFacts facts = wire::to_facts(control->hello());
  check_hardware(facts.hardware);
  facts.has_local_engine = true;
  scheduler.worker_connected(worker, std::move(facts), now);
  scheduler.worker_reported(worker, wire::to_report(control->state()), now);
  scheduler.request_submitted({domain::RequestId("r"), domain::ModelId("m"), Deadline::never()}, now);
  scheduler.check_invariants();
  if (domain::describe(scheduler.outlook(domain::ModelId("m"))).empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::each_frame({reinterpret_cast<const char*>(data), size}, judge);
  return 0;
}
