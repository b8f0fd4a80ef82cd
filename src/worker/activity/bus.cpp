#include "worker/activity/bus.hpp"

#include <poll.h>
#include <sys/inotify.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr auto token = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds call_limit{20};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The file of "unix:path=FILE", the only kind of address whose coming and going can be heard.
std::filesystem::path socket_file(std::string_view address) {
  constexpr std::string_view prefix = "unix:path=";
  if (!address.starts_with(prefix)) return {};
  address.remove_prefix(prefix.size());
  return address.substr(0, address.find_first_of(",;"));
}

Error bus_error(const sd_bus_error* error) {
  const std::string name = error->name != nullptr ? error->name : "";
  const bool nobody = name == SD_BUS_ERROR_SERVICE_UNKNOWN || name == SD_BUS_ERROR_NAME_HAS_NO_OWNER;
  const std::string text = error->message != nullptr ? error->message : name;
  return Error(nobody ? ErrorCode::not_found : ErrorCode::unavailable, text);
}

int append(sd_bus_message* message, const BusValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    const int number = *flag ? 1 : 0;
    return sd_bus_message_append_basic(message, SD_BUS_TYPE_BOOLEAN, &number);
  }
  if (const auto* number = std::get_if<std::uint32_t>(&value))
    return sd_bus_message_append_basic(message, SD_BUS_TYPE_UINT32, number);
  if (const auto* number = std::get_if<std::uint64_t>(&value))
    return sd_bus_message_append_basic(message, SD_BUS_TYPE_UINT64, number);
  return sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, std::get<std::string>(value).c_str());
}

std::string match_rule(const BusMember& signal, const std::string& first_argument) {
  std::string rule = "type='signal'";
  const auto add = [&rule](const char* name, const std::string& value) {
    if (!value.empty()) rule += std::string(",") + name + "='" + value + "'";
  };
  add("sender", signal.service);
  add("path", signal.path);
  add("interface", signal.interface);
  add("member", signal.member);
  add("arg0", first_argument);
  return rule;
}

const BusMember name_owner_changed{"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                   "NameOwnerChanged"};

}  // namespace

std::string system_bus_address() {
  std::string address = variable("DBUS_SYSTEM_BUS_ADDRESS");
  return address.empty() ? "unix:path=/run/dbus/system_bus_socket" : address;
}

std::string session_bus_address() {
  std::string address = variable("DBUS_SESSION_BUS_ADDRESS");
  if (!address.empty()) return address;
  const std::string directory = variable("XDG_RUNTIME_DIR");
  return directory.empty() ? "" : "unix:path=" + directory + "/bus";
}

void Bus::Closer::operator()(sd_bus* bus) const {
  sd_bus_close(bus);
  sd_bus_unref(bus);
}

Bus::Bus(asio::any_io_executor executor, std::string address)
    : address_(std::move(address)),
      descriptor_(executor),
      timeout_(executor),
      files_(executor),
      retry_(executor),
      tasks_(executor) {}

Bus::~Bus() = default;

void Bus::start() {
  if (address_.empty()) return;
  tasks_.spawn("bus socket", watch_socket());
  tasks_.spawn("bus", run());
}

void Bus::stop() {
  stopping_ = true;
  files_.stop();
  retry_.stop();
  kick();
}

asio::awaitable<void> Bus::stopped() { co_await tasks_.wait(); }

asio::awaitable<void> Bus::watch_socket() {
  const auto socket = socket_file(address_);
  if (!files_.add(socket.parent_path(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)) co_return;
  for (;;) {
    const auto events = co_await files_.next();
    if (!events) co_return;
    for (const FileWatch::Event& event : *events) {
      if (event.name == socket.filename()) retry_.tell();
    }
  }
}

asio::awaitable<void> Bus::run() {
  while (!stopping_) {
    if (open()) {
      co_await serve();
      if (connected_) retry_.succeeded();
      lose();
    }
    co_await retry_.wait();
  }
}

Result<void> Bus::open() {
  sd_bus* made = nullptr;
  if (const int failed = sd_bus_new(&made); failed < 0) return system_error("D-Bus", -failed);
  bus_.reset(made);
  int result = sd_bus_set_address(made, address_.c_str());
  if (result >= 0) result = sd_bus_set_bus_client(made, 1);
  // Connects and greets without waiting for an answer.
  if (result >= 0) result = sd_bus_start(made);
  const int copy = result >= 0 ? ::dup(sd_bus_get_fd(made)) : -1;
  if (copy < 0) {
    bus_.reset();
    return system_error("D-Bus", result < 0 ? -result : errno);
  }
  boost::system::error_code ignored;
  descriptor_.assign(copy, ignored);
  return {};
}

asio::awaitable<void> Bus::serve() {
  while (!stopping_ && process())
    co_await wait_for_work();
}

bool Bus::process() {
  for (;;) {
    const int done = sd_bus_process(bus_.get(), nullptr);
    if (done < 0) return false;
    if (!connected_ && sd_bus_is_ready(bus_.get()) > 0) {
      connected_ = true;
      for (auto client = clients_.begin(); client != clients_.end();)
        (*client++)->connected();
      continue;
    }
    if (done == 0) return sd_bus_is_open(bus_.get()) > 0;
  }
}

asio::awaitable<void> Bus::wait_for_work() {
  const int events = sd_bus_get_events(bus_.get());
  std::uint64_t until_us = 0;
  // Where it says nothing, it waits for nothing.
  if (sd_bus_get_timeout(bus_.get(), &until_us) < 0) until_us = UINT64_MAX;
  if (until_us == UINT64_MAX) {
    timeout_.expires_at(asio::steady_timer::time_point::max());
  } else {
    // Of the same clock, CLOCK_MONOTONIC.
    timeout_.expires_at(asio::steady_timer::time_point(std::chrono::microseconds(until_us)));
  }
  // Whatever comes first ends the wait.
  const auto wake = [this](boost::system::error_code failure) {
    if (!failure) timeout_.cancel();
  };
  descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, wake);
  if ((events & POLLOUT) != 0) descriptor_.async_wait(asio::posix::stream_descriptor::wait_write, wake);
  co_await timeout_.async_wait(token);
  boost::system::error_code ignored;
  descriptor_.cancel(ignored);
}

void Bus::kick() { timeout_.cancel(); }

void Bus::lose() {
  const bool was_connected = std::exchange(connected_, false);
  for (auto client = clients_.begin(); client != clients_.end();)
    (*client++)->lost();
  boost::system::error_code ignored;
  descriptor_.close(ignored);
  bus_.reset();
  if (!was_connected || stopping_) return;
  for (auto client = clients_.begin(); client != clients_.end();) {
    BusClient& one = **client++;
    if (one.started_ && one.events_.on_lost) one.events_.on_lost();
  }
}

// What one user listens to and waits for. A slot that goes is heard of no more.
struct BusClient::Slots {
  struct Watch {
    std::string rule;
    Signal handler;
    sd_bus_slot* slot = nullptr;
  };
  struct Call {
    Slots* owner = nullptr;
    Reply handler;
    sd_bus_slot* slot = nullptr;
    std::list<std::unique_ptr<Call>>::iterator place;
  };

  ~Slots() { drop(); }
  void drop() {
    for (const auto& watch : watches)
      watch->slot = sd_bus_slot_unref(watch->slot);
    for (const auto& call : calls)
      call->slot = sd_bus_slot_unref(call->slot);
    calls.clear();
  }
  static int on_signal(sd_bus_message* message, void* userdata, sd_bus_error*) {
    // A copy: the handler may end the watch.
    const Signal handler = static_cast<Watch*>(userdata)->handler;
    handler(message);
    return 0;
  }
  static int on_reply(sd_bus_message* message, void* userdata, sd_bus_error*) {
    auto* call = static_cast<Call*>(userdata);
    const Reply handler = std::move(call->handler);
    sd_bus_slot_unref(call->slot);
    call->owner->calls.erase(call->place);
    if (sd_bus_message_is_method_error(message, nullptr) > 0) {
      handler(bus_error(sd_bus_message_get_error(message)));
    } else {
      handler(message);
    }
    return 0;
  }
  void install(sd_bus* bus, Watch& watch) {
    sd_bus_add_match_async(bus, &watch.slot, watch.rule.c_str(), on_signal, nullptr, &watch);
  }

  std::list<std::unique_ptr<Watch>> watches;
  std::list<std::unique_ptr<Call>> calls;
  std::vector<std::pair<std::string, std::function<void(bool)>>> services;
};

BusClient::BusClient(Bus& bus, Events events)
    : bus_(bus), events_(std::move(events)), slots_(std::make_unique<Slots>()) {
  bus_.clients_.push_back(this);
}

BusClient::~BusClient() { bus_.clients_.remove(this); }

void BusClient::watch(BusMember signal, Signal handler) {
  auto watch = std::make_unique<Slots::Watch>();
  watch->rule = match_rule(signal, "");
  watch->handler = std::move(handler);
  slots_->watches.push_back(std::move(watch));
}

void BusClient::follow_service(std::string service, std::function<void(bool)> handler) {
  auto watch = std::make_unique<Slots::Watch>();
  watch->rule = match_rule(name_owner_changed, service);
  watch->handler = [handler](sd_bus_message* message) {
    const char* name = "";
    const char* before = "";
    const char* after = "";
    if (sd_bus_message_read(message, "sss", &name, &before, &after) >= 0) handler(*after != '\0');
  };
  slots_->watches.push_back(std::move(watch));
  slots_->services.emplace_back(std::move(service), std::move(handler));
}

void BusClient::start() {
  started_ = true;
  if (bus_.connected()) connected();
}

void BusClient::call(const BusMember& method, const std::vector<BusValue>& arguments, Reply handler) {
  sd_bus_message* message = nullptr;
  int result = bus_.connected() ? sd_bus_message_new_method_call(bus_.bus_.get(), &message, method.service.c_str(),
                                                                 method.path.c_str(), method.interface.c_str(),
                                                                 method.member.c_str())
                                : -ENOTCONN;
  if (result >= 0) result = sd_bus_message_set_auto_start(message, 0);
  for (auto value = arguments.begin(); result >= 0 && value != arguments.end(); ++value)
    result = append(message, *value);
  if (result >= 0) {
    auto call = std::make_unique<Slots::Call>();
    call->owner = slots_.get();
    call->handler = handler;
    constexpr auto limit_us = static_cast<std::uint64_t>(std::chrono::microseconds(call_limit).count());
    result = sd_bus_call_async(bus_.bus_.get(), &call->slot, message, Slots::on_reply, call.get(), limit_us);
    if (result >= 0) {
      slots_->calls.push_back(std::move(call));
      slots_->calls.back()->place = std::prev(slots_->calls.end());
    }
  }
  sd_bus_message_unref(message);
  bus_.kick();
  if (result < 0) handler(system_error("D-Bus", -result));
}

void BusClient::get_property(const BusMember& property, Reply handler) {
  BusMember get{property.service, property.path, "org.freedesktop.DBus.Properties", "Get"};
  call(get, {property.interface, property.member}, [handler = std::move(handler)](Result<sd_bus_message*> reply) {
    const char* contents = nullptr;
    char type = 0;
    if (reply && (sd_bus_message_peek_type(*reply, &type, &contents) <= 0 || type != SD_BUS_TYPE_VARIANT ||
                  sd_bus_message_enter_container(*reply, SD_BUS_TYPE_VARIANT, contents) < 0))
      reply = Error(ErrorCode::protocol, "no property");
    handler(std::move(reply));
  });
}

void BusClient::connected() {
  if (!started_) return;
  for (const auto& watch : slots_->watches)
    slots_->install(bus_.bus_.get(), *watch);
  const BusMember ask{"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner"};
  for (const auto& [service, handler] : slots_->services) {
    call(ask, {service}, [its_handler = handler](Result<sd_bus_message*> reply) {
      int present = 0;
      if (reply && sd_bus_message_read(*reply, "b", &present) < 0) present = 0;
      its_handler(present != 0);
    });
  }
  if (events_.on_connected) events_.on_connected();
}

void BusClient::lost() { slots_->drop(); }

}  // namespace gogrid::worker
