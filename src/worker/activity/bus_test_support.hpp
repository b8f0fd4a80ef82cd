// For tests: a message bus of their own (the real dbus-daemon), and stand-ins for services on it.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "worker/activity/activity_test_support.hpp"

namespace gogrid::worker::test {

class TestBus {
 public:
  explicit TestBus(Loop& loop) : loop_(loop) {}

  std::string address() const { return "unix:path=" + (directory_.path / "bus").string(); }
  void start() {
    auto [reading, writing] = make_pipe();
    std::vector<FileDescriptor> descriptors;
    descriptors.push_back(std::move(writing));
    daemon_ = start_program(
        loop_.io,
        {"/usr/bin/dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=3", "--address=" + address()},
        {}, std::move(descriptors));
    EXPECT_NE(read_line(reading.get()), "") << "dbus-daemon does not start";
  }
  void kill() {
    daemon_->kill();
    loop_.finish([](Process* daemon) -> asio::awaitable<void> { co_await daemon->exited(); }(daemon_.get()));
    std::filesystem::remove(directory_.path / "bus");
  }

 private:
  Loop& loop_;
  TemporaryDirectory directory_;
  std::unique_ptr<Process> daemon_;
};

// A double of a service: what a test makes of `vtable` under `name`. It stands on the test's own event loop.
class StandInService {
 public:
  StandInService(Loop& loop, const TestBus& bus, const std::string& name, const std::string& path,
                 const std::string& interface, const sd_bus_vtable* vtable, void* userdata)
      : path_(path), interface_(interface), descriptor_(loop.io) {
    EXPECT_GE(sd_bus_new(&bus_), 0);
    sd_bus_set_address(bus_, bus.address().c_str());
    sd_bus_set_bus_client(bus_, 1);
    EXPECT_GE(sd_bus_start(bus_), 0);
    EXPECT_GE(sd_bus_add_object_vtable(bus_, nullptr, path.c_str(), interface.c_str(), vtable, userdata), 0);
    EXPECT_GE(sd_bus_request_name(bus_, name.c_str(), 0), 0);
    descriptor_.assign(::dup(sd_bus_get_fd(bus_)));
    pump();
  }
  ~StandInService() {
    descriptor_.close();
    *alive_ = false;
    sd_bus_flush_close_unref(bus_);
  }

  template <class... Arguments>
  void signal(const char* member, const char* types, Arguments... arguments) {
    EXPECT_GE(sd_bus_emit_signal(bus_, path_.c_str(), interface_.c_str(), member, types, arguments...), 0);
    sd_bus_flush(bus_);
  }
  void property_changed(const char* name) { property_changed(name, path_, interface_); }
  void property_changed(const char* name, const std::string& path, const std::string& interface) {
    EXPECT_GE(sd_bus_emit_properties_changed(bus_, path.c_str(), interface.c_str(), name, nullptr), 0);
    sd_bus_flush(bus_);
  }
  void add_object(const std::string& path, const std::string& interface, const sd_bus_vtable* vtable, void* userdata) {
    EXPECT_GE(sd_bus_add_object_vtable(bus_, nullptr, path.c_str(), interface.c_str(), vtable, userdata), 0);
  }

 private:
  void pump() {
    while (sd_bus_process(bus_, nullptr) > 0) {
    }
    sd_bus_flush(bus_);
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [this, alive = alive_](boost::system::error_code failure) {
                             if (!failure && *alive) pump();
                           });
  }

  std::string path_;
  std::string interface_;
  sd_bus* bus_ = nullptr;
  asio::posix::stream_descriptor descriptor_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// A double of systemd-logind: it gives locks away, and knows which are still held.
struct StandInLogind {
  struct Lock {
    std::string what;
    std::string mode;
    FileDescriptor end;
    // Whoever was given the other end has let go of it.
    bool given_back() const {
      pollfd state{end.get(), 0, 0};
      return ::poll(&state, 1, 0) == 1 && (state.revents & POLLERR) != 0;
    }
  };

  StandInLogind(Loop& loop, const TestBus& bus)
      : service(loop, bus, "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", table,
                this) {}

  static int inhibit(sd_bus_message* message, void* userdata, sd_bus_error* error) {
    auto& self = *static_cast<StandInLogind*>(userdata);
    const char* what = "";
    const char* who = "";
    const char* why = "";
    const char* mode = "";
    sd_bus_message_read(message, "ssss", &what, &who, &why, &mode);
    if (self.refuses) return sd_bus_error_set(error, "org.freedesktop.DBus.Error.AccessDenied", "not you");
    auto [reading, writing] = make_pipe();
    Lock lock;
    lock.what = what;
    lock.mode = mode;
    // The reader's end is given away: when it closes, the writer's end has an error.
    lock.end = std::move(writing);
    self.locks.push_back(std::move(lock));
    return sd_bus_reply_method_return(message, "h", reading.get());
  }

  int count(const std::string& mode) const {
    int held = 0;
    for (const Lock& lock : locks)
      held += lock.mode == mode && lock.what == "sleep" && !lock.given_back() ? 1 : 0;
    return held;
  }

  static constexpr sd_bus_vtable table[] = {SD_BUS_VTABLE_START(0), SD_BUS_METHOD("Inhibit", "ssss", "h", inhibit, 0),
                                            SD_BUS_SIGNAL("PrepareForSleep", "b", 0), SD_BUS_VTABLE_END};
  std::deque<Lock> locks;
  bool refuses = false;
  StandInService service;
};

struct StandInNetworkManager {
  StandInNetworkManager(Loop& loop, const TestBus& bus, std::uint32_t its_metered)
      : metered(its_metered),
        service(loop, bus, "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager",
                "org.freedesktop.NetworkManager", table, this) {}

  static int get(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void* userdata, sd_bus_error*) {
    return sd_bus_message_append(reply, "u", static_cast<StandInNetworkManager*>(userdata)->metered);
  }
  void set(std::uint32_t value) {
    metered = value;
    service.property_changed("Metered");
  }

  static constexpr sd_bus_vtable table[] = {
      SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("Metered", "u", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
      SD_BUS_VTABLE_END};
  std::uint32_t metered;
  StandInService service;
};

}  // namespace gogrid::worker::test
