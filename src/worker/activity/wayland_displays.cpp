#include "worker/activity/wayland_displays.hpp"

#include <sys/inotify.h>

#include <cstdlib>
#include <utility>

#include "worker/activity/retry.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_displays = 8;
constexpr std::uint32_t coming_and_going = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

WaylandOptions wayland_options() {
  WaylandOptions options;
  options.display = variable("WAYLAND_DISPLAY");
  options.runtime_directory = variable("XDG_RUNTIME_DIR");
  return options;
}

bool is_wayland_socket_name(std::string_view name) {
  constexpr std::string_view prefix = "wayland-";
  if (!name.starts_with(prefix) || name.size() == prefix.size()) return false;
  return name.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos;
}

struct WaylandDisplays::Display {
  Display(asio::any_io_executor executor, std::filesystem::path its_socket)
      : socket(std::move(its_socket)), retry(std::move(executor)) {}

  std::string name() const { return socket.filename(); }

  std::filesystem::path socket;
  Retry retry;
  WaylandConnection* connection = nullptr;
};

WaylandDisplays::WaylandDisplays(asio::any_io_executor executor, WaylandOptions options, User user)
    : executor_(executor), options_(std::move(options)), user_(std::move(user)), files_(executor), tasks_(executor) {}

WaylandDisplays::~WaylandDisplays() = default;

void WaylandDisplays::start() {
  if (options_.runtime_directory.empty() && !options_.display.starts_with('/')) return;
  if (!options_.display.empty()) add_display(options_.runtime_directory / options_.display);
  tasks_.spawn("Wayland sockets", watch_sockets());
}

void WaylandDisplays::stop() {
  stopping_ = true;
  files_.stop();
  for (const auto& [socket, display] : displays_) {
    if (display->connection != nullptr) display->connection->close();
    display->retry.stop();
  }
}

asio::awaitable<void> WaylandDisplays::stopped() { co_await tasks_.wait(); }

asio::awaitable<void> WaylandDisplays::watch_sockets() {
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

void WaylandDisplays::look_for_displays() {
  if (!options_.display.empty()) return;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(options_.runtime_directory, failure)) {
    if (is_wayland_socket_name(entry.path().filename().string())) add_display(entry.path());
  }
}

void WaylandDisplays::add_display(const std::filesystem::path& socket) {
  if (displays_.contains(socket) || displays_.size() >= max_displays || stopping_) return;
  auto display = std::make_shared<Display>(executor_, socket);
  displays_.emplace(socket, display);
  tasks_.spawn("Wayland display", watch_display(display));
}

asio::awaitable<void> WaylandDisplays::watch_display(std::shared_ptr<Display> display) {
  while (!stopping_) {
    const Error ended = co_await attempt(display);
    if (stopping_) co_return;
    std::error_code failure;
    const bool forgotten = options_.display.empty() && !std::filesystem::exists(display->socket, failure);
    if (forgotten) displays_.erase(display->socket);
    user_.ended(display->name(), ended, forgotten);
    if (forgotten) co_return;
    // A compositor without what is needed stays so.
    if (ended.code == ErrorCode::unsupported) {
      co_await display->retry.wait_until_told();
    } else {
      co_await display->retry.wait();
    }
  }
}

// Ends with why.
asio::awaitable<Error> WaylandDisplays::attempt(std::shared_ptr<Display> display) {
  WaylandConnection connection(executor_);
  const auto opened = connection.open(display->socket.string());
  if (!opened) co_return opened.error();
  display->connection = &connection;
  Error ended = co_await user_.follow(display->name(), connection);
  display->connection = nullptr;
  if (connection.listed()) display->retry.succeeded();
  co_return ended;
}

}  // namespace gogrid::worker
