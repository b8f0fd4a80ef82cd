#include "worker/activity/mutter_idle.hpp"

#include <systemd/sd-bus.h>

#include <algorithm>

namespace gogrid::worker {
namespace {

const std::string service = "org.gnome.Mutter.IdleMonitor";
constexpr auto nobody = "no GNOME session";

BusMember member(std::string name) {
  return BusMember{service, "/org/gnome/Mutter/IdleMonitor/Core", service, std::move(name)};
}

Result<std::uint32_t> read_watch(const Result<sd_bus_message*>& reply) {
  if (!reply) return reply.error();
  std::uint32_t watch = 0;
  if (const int failed = sd_bus_message_read(*reply, "u", &watch); failed < 0) return system_error("D-Bus", -failed);
  return watch;
}

}  // namespace

MutterIdle::MutterIdle(Bus& session_bus, std::chrono::milliseconds idle_after, std::function<void()> on_change)
    : idle_after_(idle_after),
      on_change_(std::move(on_change)),
      client_(session_bus, {nullptr, [this] { set(SourceState::absent, std::chrono::steady_clock::now(), nobody); }}) {
  report_.name = "GNOME";
  report_.detail = nobody;
  client_.watch(member("WatchFired"), [this](sd_bus_message* message) {
    std::uint32_t watch = 0;
    if (sd_bus_message_read(message, "u", &watch) >= 0) fired(watch);
  });
  client_.follow_service(service, [this](bool present) {
    // Watches are the old one's.
    idle_watch_.reset();
    active_watch_.reset();
    if (present) {
      begin();
    } else {
      ++round_;
      set(SourceState::absent, std::chrono::steady_clock::now(), nobody);
    }
  });
}

void MutterIdle::set_idle_after(std::chrono::milliseconds idle_after) {
  idle_after_ = idle_after;
  if (idle_watch_) {
    client_.call(member("RemoveWatch"), {*idle_watch_}, [](const Result<sd_bus_message*>&) {});
    idle_watch_.reset();
  }
  if (report_.state != SourceState::absent) begin();
}

void MutterIdle::begin() {
  ++round_;
  add_idle_watch();
}

// The watch first, the time second: nothing is missed between them.
void MutterIdle::add_idle_watch() {
  const auto interval = static_cast<std::uint64_t>(idle_after_.count());
  client_.call(member("AddIdleWatch"), {interval}, [this, round = round_](Result<sd_bus_message*> reply) {
    if (round != round_) return;
    const auto watch = read_watch(reply);
    if (!watch) return fail(watch.error());
    idle_watch_ = *watch;
    look();
  });
}

void MutterIdle::look() {
  client_.call(member("GetIdletime"), {}, [this, round = round_](Result<sd_bus_message*> reply) {
    if (round != round_) return;
    if (!reply) return fail(reply.error());
    std::uint64_t idle_ms = 0;
    if (sd_bus_message_read(*reply, "t", &idle_ms) < 0) return fail(Error(ErrorCode::protocol, "no time"));
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::milliseconds without_input(std::min<std::uint64_t>(idle_ms, 1ULL << 40));
    const bool idle = without_input >= idle_after_;
    set(idle ? SourceState::idle : SourceState::active, idle ? now - without_input : now, "the desktop's idle monitor");
    if (idle && !active_watch_) add_active_watch();
  });
}

void MutterIdle::add_active_watch() {
  client_.call(member("AddUserActiveWatch"), {}, [this, round = round_](Result<sd_bus_message*> reply) {
    if (round != round_) return;
    const auto watch = read_watch(reply);
    if (!watch) return fail(watch.error());
    active_watch_ = *watch;
  });
}

void MutterIdle::fired(std::uint32_t watch) {
  const bool idle = watch == idle_watch_;
  if (!idle && watch != active_watch_) return;
  const auto now = std::chrono::steady_clock::now();
  if (!idle) active_watch_.reset();
  set(idle ? SourceState::idle : SourceState::active, idle ? now - idle_after_ : now, "the desktop's idle monitor");
  if (idle && !active_watch_) add_active_watch();
}

void MutterIdle::set(SourceState state, SteadyTime since, std::string detail) {
  if (stopping_ || (report_.state == state && report_.detail == detail)) return;
  report_.state = state;
  report_.since = since;
  report_.detail = std::move(detail);
  on_change_();
}

void MutterIdle::fail(const Error& error) {
  set(SourceState::blind, std::chrono::steady_clock::now(), "the desktop's idle monitor: " + error.detail);
}

}  // namespace gogrid::worker
