// Bus: a connection to a D-Bus message bus, the system's or the session's, that is made again whenever it is lost, and
// BusClient: what one user of it calls and listens to. Nothing is ever started on the machine by a call. Event loop
// thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/task_group.hpp"
#include "worker/activity/retry.hpp"
#include "worker/file_watch.hpp"

struct sd_bus;
struct sd_bus_message;

namespace gogrid::worker {

// The addresses by this process's environment; empty: there is no such bus.
std::string system_bus_address();
std::string session_bus_address();

class BusClient;

class Bus {
 public:
  // "unix:path=/run/dbus/system_bus_socket"
  Bus(boost::asio::any_io_executor executor, std::string address);
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  void start();
  void stop();
  boost::asio::awaitable<void> stopped();
  bool connected() const { return connected_; }

 private:
  friend class BusClient;
  struct Closer {
    void operator()(sd_bus* bus) const;
  };

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> watch_socket();
  Result<void> open();
  // Until the connection ends.
  boost::asio::awaitable<void> serve();
  // Handles what has come; false when the connection has ended.
  bool process();
  boost::asio::awaitable<void> wait_for_work();
  void lose();
  void kick();

  std::string address_;
  std::list<BusClient*> clients_;
  std::unique_ptr<sd_bus, Closer> bus_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer timeout_;
  FileWatch files_;
  Retry retry_;
  bool connected_ = false;
  bool stopping_ = false;
  TaskGroup tasks_;
};

using BusValue = std::variant<bool, std::uint32_t, std::uint64_t, std::string>;

struct BusMember {
  std::string service;
  std::string path;
  std::string interface;
  std::string member;
};

class BusClient {
 public:
  using Reply = std::function<void(Result<sd_bus_message*>)>;
  using Signal = std::function<void(sd_bus_message*)>;
  struct Events {
    // Calls work from now on; what was watched is watched again.
    std::function<void()> on_connected;
    std::function<void()> on_lost;
  };
  // Goes before the bus does.
  BusClient(Bus& bus, Events events);
  ~BusClient();
  BusClient(const BusClient&) = delete;
  BusClient& operator=(const BusClient&) = delete;

  // Before start(): `handler` hears each such signal, over new connections too. An empty path, interface or member:
  // any.
  void watch(BusMember signal, Signal handler);
  // Before start(): `handler` hears at each connection, and when it changes, whether a program offers the service.
  void follow_service(std::string service, std::function<void(bool present)> handler);
  // Events and signals come from now on; at once when the bus is connected.
  void start();
  // `handler` is called once, unless the connection is lost before (Events::on_lost) or this goes. Its message lives
  // only as long as the call. The error is not_found when nobody offers the service.
  void call(const BusMember& method, const std::vector<BusValue>& arguments, Reply handler);
  // A property's value: the message stands inside the variant, before the value.
  void get_property(const BusMember& property, Reply handler);

 private:
  friend class Bus;
  struct Slots;

  void connected();
  void lost();

  Bus& bus_;
  Events events_;
  std::unique_ptr<Slots> slots_;
  bool started_ = false;
};

}  // namespace gogrid::worker
