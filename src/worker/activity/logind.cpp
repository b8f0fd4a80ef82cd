#include "worker/activity/logind.hpp"

#include <fcntl.h>
#include <systemd/sd-bus.h>

#include <cerrno>

namespace gogrid::worker {
namespace {

const std::string service = "org.freedesktop.login1";
const BusMember inhibit{service, "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "Inhibit"};
const BusMember prepare_for_sleep{service, "/org/freedesktop/login1", "org.freedesktop.login1.Manager",
                                  "PrepareForSleep"};
const std::string who = "GoGrid worker";

// The descriptor whose closing gives the lock back.
Result<FileDescriptor> read_lock(const Result<sd_bus_message*>& reply) {
  if (!reply) return reply.error();
  int fd = -1;
  if (const int failed = sd_bus_message_read(*reply, "h", &fd); failed < 0) return system_error("Inhibit", -failed);
  FileDescriptor lock(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!lock) return system_error("Inhibit", errno);
  return lock;
}

}  // namespace

SleepInhibitor::SleepInhibitor(Bus& system_bus, std::function<void()> on_change)
    : on_change_(std::move(on_change)), client_(system_bus, {nullptr, [this] { lose(); }}) {
  client_.follow_service(service, [this](bool present) {
    if (!present) {
      lose();
    } else if (wanted_ && !held()) {
      take();
    }
  });
  client_.start();
}

void SleepInhibitor::set(FileDescriptor lock, std::string failure) {
  const bool same = static_cast<bool>(lock) == held() && failure == failure_;
  lock_ = std::move(lock);
  failure_ = std::move(failure);
  if (!same) on_change_();
}

// Its locks end with the login manager; a bus that went may have taken it along.
void SleepInhibitor::lose() {
  asked_ = false;
  set({}, wanted_ ? "no login manager is there to keep the machine awake" : "");
}

void SleepInhibitor::hold(std::string why) {
  if (std::exchange(wanted_, true)) return;
  why_ = std::move(why);
  take();
}

void SleepInhibitor::release() {
  wanted_ = false;
  set({}, "");
}

void SleepInhibitor::take() {
  if (std::exchange(asked_, true)) return;
  client_.call(inhibit, {std::string("sleep"), who, why_, std::string("block")}, [this](Result<sd_bus_message*> reply) {
    asked_ = false;
    auto lock = read_lock(reply);
    // It may be no longer needed: then its end gives it back.
    if (!wanted_) return;
    if (!lock) return set({}, "the machine may go to sleep: " + lock.error().detail);
    set(std::move(*lock), "");
  });
}

SleepWatch::SleepWatch(Bus& system_bus, std::function<void(bool)> on_change)
    : on_change_(std::move(on_change)), client_(system_bus, {}) {
  client_.watch(prepare_for_sleep, [this](sd_bus_message* message) {
    int asleep = 0;
    if (sd_bus_message_read(message, "b", &asleep) < 0 || asleep_ == (asleep != 0)) return;
    asleep_ = asleep != 0;
    if (!asleep_) take_delay();
    on_change_(asleep_);
  });
  client_.follow_service(service, [this](bool present) {
    delay_.reset();
    if (present) take_delay();
  });
  client_.start();
}

void SleepWatch::take_delay() {
  const std::string why = "Work is handed over to another machine first";
  client_.call(inhibit, {std::string("sleep"), who, why, std::string("delay")}, [this](Result<sd_bus_message*> reply) {
    auto lock = read_lock(reply);
    if (lock && !asleep_) delay_ = std::move(*lock);
  });
}

}  // namespace gogrid::worker
