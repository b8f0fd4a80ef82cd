#include "worker/activity/wayland_idle.hpp"

#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <wayland-client.h>

#include <ext-idle-notify-v1-client.h>
#include <idle-client.h>
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <list>
#include <utility>

#include "base/file.hpp"
#include "worker/activity/retry.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_displays = 8;
constexpr std::size_t max_seats = 8;
constexpr std::uint32_t coming_and_going = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR;

Result<FileDescriptor> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error(ErrorCode::invalid_argument, "too long a socket name");
  std::memcpy(address.sun_path, path.data(), path.size());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_error("socket", errno);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  if (errno == ECONNREFUSED || errno == ENOENT) return Error(ErrorCode::not_found, "no compositor listens there");
  return system_error("connect", errno);
}

}  // namespace

bool is_wayland_socket_name(std::string_view name) {
  constexpr std::string_view prefix = "wayland-";
  if (!name.starts_with(prefix) || name.size() == prefix.size()) return false;
  return name.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos;
}

// One compositor, with an idle notification for each of its seats. Nothing here waits but more().
class WaylandIdle::Connection {
 public:
  Connection(asio::any_io_executor executor, std::chrono::milliseconds idle_after, std::function<void()> on_change)
      : idle_after_(idle_after), on_change_(std::move(on_change)), descriptor_(executor) {}
  ~Connection() {
    for (Seat& seat : seats_) {
      destroy(seat);
      wl_seat_destroy(seat.seat);
    }
    if (ext_ != nullptr) ext_idle_notifier_v1_destroy(ext_);
    if (kde_ != nullptr) org_kde_kwin_idle_destroy(kde_);
    if (listing_ != nullptr) wl_callback_destroy(listing_);
    if (registry_ != nullptr) wl_registry_destroy(registry_);
    if (display_ != nullptr) wl_display_disconnect(display_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<void> open(const std::string& path) {
    auto socket = connect_to(path);
    if (!socket) return socket.error();
    // The library closes its own.
    const int copy = ::dup(socket->get());
    if (copy < 0) return system_error("dup", errno);
    descriptor_.assign(copy);
    display_ = wl_display_connect_to_fd(socket->release());
    if (display_ == nullptr) return Error(ErrorCode::io, "no connection");
    static constexpr wl_registry_listener globals{on_global, on_global_removed};
    static constexpr wl_callback_listener listed{on_listed};
    registry_ = wl_display_get_registry(display_);
    wl_registry_add_listener(registry_, &globals, this);
    listing_ = wl_display_sync(display_);
    wl_callback_add_listener(listing_, &listed, this);
    return {};
  }
  // Handles what comes until the connection ends; why it did.
  asio::awaitable<Error> run() {
    for (;;) {
      wl_display_flush(display_);
      co_await descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
      if (closed_) co_return Error(ErrorCode::cancelled, "closed");
      if (!read()) co_return gone();
      if (listed_ && ext_ == nullptr && kde_ == nullptr)
        co_return Error(ErrorCode::unsupported, "this compositor does not tell when its user is idle");
    }
  }
  void set_idle_after(std::chrono::milliseconds idle_after) {
    idle_after_ = idle_after;
    for (Seat& seat : seats_) {
      destroy(seat);
      create(seat);
    }
    wl_display_flush(display_);
  }
  void close() {
    closed_ = true;
    boost::system::error_code ignored;
    descriptor_.close(ignored);
  }
  // Known once the compositor has told what it has.
  bool ready() const { return listed_ && (ext_ != nullptr || kde_ != nullptr); }
  bool idle() const {
    return std::all_of(seats_.begin(), seats_.end(), [](const Seat& seat) { return seat.idle; });
  }

 private:
  struct Seat {
    Connection* owner = nullptr;
    std::uint32_t name = 0;
    wl_seat* seat = nullptr;
    ext_idle_notification_v1* ext = nullptr;
    org_kde_kwin_idle_timeout* kde = nullptr;
    bool idle = false;
  };

  static void on_global(void* data, wl_registry* registry, std::uint32_t name, const char* interface, std::uint32_t) {
    auto& self = *static_cast<Connection*>(data);
    const std::string_view what = interface;
    if (what == wl_seat_interface.name && self.seats_.size() < max_seats) {
      Seat& seat = self.seats_.emplace_back();
      seat.owner = &self;
      seat.name = name;
      seat.seat = static_cast<wl_seat*>(wl_registry_bind(registry, name, &wl_seat_interface, 1));
      if (self.listed_) self.create(seat);
    } else if (what == ext_idle_notifier_v1_interface.name && self.ext_ == nullptr) {
      self.ext_ =
          static_cast<ext_idle_notifier_v1*>(wl_registry_bind(registry, name, &ext_idle_notifier_v1_interface, 1));
    } else if (what == org_kde_kwin_idle_interface.name && self.kde_ == nullptr) {
      self.kde_ = static_cast<org_kde_kwin_idle*>(wl_registry_bind(registry, name, &org_kde_kwin_idle_interface, 1));
    }
  }
  static void on_global_removed(void* data, wl_registry*, std::uint32_t name) {
    auto& self = *static_cast<Connection*>(data);
    for (auto seat = self.seats_.begin(); seat != self.seats_.end(); ++seat) {
      if (seat->name != name) continue;
      self.destroy(*seat);
      wl_seat_destroy(seat->seat);
      self.seats_.erase(seat);
      return self.on_change_();
    }
  }
  static void on_listed(void* data, wl_callback*, std::uint32_t) {
    auto& self = *static_cast<Connection*>(data);
    wl_callback_destroy(std::exchange(self.listing_, nullptr));
    self.listed_ = true;
    for (Seat& seat : self.seats_)
      self.create(seat);
    self.on_change_();
  }
  static void set_idle(void* data, bool idle) {
    auto& seat = *static_cast<Seat*>(data);
    seat.idle = idle;
    seat.owner->on_change_();
  }

  void create(Seat& seat) {
    seat.idle = false;
    const auto timeout = static_cast<std::uint32_t>(std::clamp<std::int64_t>(idle_after_.count(), 1, INT32_MAX));
    if (ext_ != nullptr) {
      static constexpr ext_idle_notification_v1_listener listener{
          [](void* data, ext_idle_notification_v1*) { set_idle(data, true); },
          [](void* data, ext_idle_notification_v1*) { set_idle(data, false); }};
      seat.ext = ext_idle_notifier_v1_get_idle_notification(ext_, timeout, seat.seat);
      ext_idle_notification_v1_add_listener(seat.ext, &listener, &seat);
    } else if (kde_ != nullptr) {
      static constexpr org_kde_kwin_idle_timeout_listener listener{
          [](void* data, org_kde_kwin_idle_timeout*) { set_idle(data, true); },
          [](void* data, org_kde_kwin_idle_timeout*) { set_idle(data, false); }};
      seat.kde = org_kde_kwin_idle_get_idle_timeout(kde_, seat.seat, timeout);
      org_kde_kwin_idle_timeout_add_listener(seat.kde, &listener, &seat);
    }
  }
  void destroy(Seat& seat) {
    if (seat.ext != nullptr) ext_idle_notification_v1_destroy(std::exchange(seat.ext, nullptr));
    if (seat.kde != nullptr) org_kde_kwin_idle_timeout_release(std::exchange(seat.kde, nullptr));
  }
  // Takes what has come and hands it out; false when the connection has ended.
  bool read() {
    while (wl_display_prepare_read(display_) != 0) {
      if (wl_display_dispatch_pending(display_) < 0) return false;
    }
    // Never waits: the socket does not block, and nothing but this reads it.
    if (wl_display_read_events(display_) < 0 && errno != EAGAIN) return false;
    return wl_display_dispatch_pending(display_) >= 0;
  }
  static Error gone() { return Error(ErrorCode::unavailable, "the compositor has gone"); }

  std::chrono::milliseconds idle_after_;
  std::function<void()> on_change_;
  asio::posix::stream_descriptor descriptor_;
  wl_display* display_ = nullptr;
  wl_registry* registry_ = nullptr;
  // Answered when all that the compositor has was told.
  wl_callback* listing_ = nullptr;
  ext_idle_notifier_v1* ext_ = nullptr;
  org_kde_kwin_idle* kde_ = nullptr;
  std::list<Seat> seats_;
  bool listed_ = false;
  bool closed_ = false;
};

struct WaylandIdle::Display {
  Display(asio::any_io_executor executor, std::filesystem::path its_socket)
      : socket(std::move(its_socket)), retry(executor) {}

  std::string name() const { return socket.filename(); }

  std::filesystem::path socket;
  SourceState state = SourceState::absent;
  SteadyTime since{};
  std::string detail;
  Retry retry;
  Connection* connection = nullptr;
};

WaylandIdle::WaylandIdle(asio::any_io_executor executor, WaylandOptions options, std::chrono::milliseconds idle_after,
                         std::function<void()> on_change)
    : executor_(executor),
      options_(std::move(options)),
      idle_after_(idle_after),
      on_change_(std::move(on_change)),
      files_(executor),
      tasks_(executor) {}

WaylandIdle::~WaylandIdle() = default;

void WaylandIdle::start() {
  if (options_.runtime_directory.empty() && !options_.display.starts_with('/')) return;
  if (!options_.display.empty()) add_display(options_.runtime_directory / options_.display);
  tasks_.spawn("Wayland sockets", watch_sockets());
}

void WaylandIdle::set_idle_after(std::chrono::milliseconds idle_after) {
  idle_after_ = idle_after;
  for (const auto& [socket, display] : displays_) {
    if (display->connection == nullptr) continue;
    display->connection->set_idle_after(idle_after);
    if (display->connection->ready()) set(*display, SourceState::active, display->name());
  }
}

void WaylandIdle::stop() {
  stopping_ = true;
  files_.stop();
  for (const auto& [socket, display] : displays_) {
    if (display->connection != nullptr) display->connection->close();
    display->retry.stop();
  }
}

asio::awaitable<void> WaylandIdle::stopped() { co_await tasks_.wait(); }

asio::awaitable<void> WaylandIdle::watch_sockets() {
  auto directory = options_.runtime_directory;
  if (options_.display.starts_with('/')) directory = std::filesystem::path(options_.display).parent_path();
  (void)files_.add(directory, coming_and_going);
  look_for_displays();
  for (;;) {
    const auto events = co_await files_.next();
    if (!events) co_return;
    look_for_displays();
    for (const FileWatch::Event& event : *events) {
      const auto display = displays_.find(directory / event.name);
      if (display != displays_.end()) display->second->retry.tell();
    }
  }
}

void WaylandIdle::look_for_displays() {
  if (!options_.display.empty()) return;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(options_.runtime_directory, failure)) {
    if (is_wayland_socket_name(entry.path().filename().string())) add_display(entry.path());
  }
}

void WaylandIdle::add_display(const std::filesystem::path& socket) {
  if (displays_.contains(socket) || displays_.size() >= max_displays || stopping_) return;
  auto display = std::make_shared<Display>(executor_, socket);
  displays_.emplace(socket, display);
  tasks_.spawn("Wayland display", watch_display(display));
}

asio::awaitable<void> WaylandIdle::watch_display(std::shared_ptr<Display> display) {
  while (!stopping_) {
    const auto changed = [this, display] {
      if (display->connection == nullptr || !display->connection->ready()) return;
      set(*display, display->connection->idle() ? SourceState::idle : SourceState::active, display->name());
    };
    Error ended;
    {
      Connection connection(executor_, idle_after_, changed);
      auto opened = connection.open(display->socket.string());
      if (opened) {
        display->connection = &connection;
        ended = co_await connection.run();
        display->connection = nullptr;
        if (connection.ready()) display->retry.succeeded();
      } else {
        ended = opened.error();
      }
    }
    if (stopping_) co_return;
    const bool nothing = ended.code == ErrorCode::not_found;
    set(*display, nothing ? SourceState::absent : SourceState::blind,
        nothing ? "no " + display->name() : display->name() + ": " + ended.detail);
    std::error_code failure;
    if (options_.display.empty() && !std::filesystem::exists(display->socket, failure)) {
      displays_.erase(display->socket);
      on_change_();
      co_return;
    }
    // A compositor without what we need stays so.
    if (ended.code == ErrorCode::unsupported) {
      co_await display->retry.wait_until_told();
    } else {
      co_await display->retry.wait();
    }
  }
}

void WaylandIdle::set(Display& display, SourceState state, std::string detail) {
  if (display.state == state && display.detail == detail) return;
  const auto now = std::chrono::steady_clock::now();
  display.state = state;
  display.since = state == SourceState::idle ? now - idle_after_ : now;
  display.detail = std::move(detail);
  on_change_();
}

SourceReport WaylandIdle::report() const {
  SourceReport report;
  report.name = "Wayland";
  report.detail = "no Wayland compositor";
  for (const auto& [socket, display] : displays_)
    add_part(report, display->state, display->since, display->detail);
  return report;
}

}  // namespace gogrid::worker
