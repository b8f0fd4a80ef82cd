#include "worker/activity/x11_displays.hpp"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xcb/randr.h>
#include <xcb/xcb.h>

#include <cstdlib>
#include <string_view>

#include "worker/activity/retry.hpp"
#include "worker/activity/x11_display.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

// Others could fill the directory; nobody has more.
constexpr std::size_t max_displays = 16;
constexpr std::uint32_t coming_and_going = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool has_wayland_socket(const std::filesystem::path& runtime_directory) {
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(runtime_directory, failure)) {
    std::error_code unknown;
    if (entry.path().filename().string().starts_with("wayland-") && entry.is_socket(unknown)) return true;
  }
  return false;
}

// By the names of its outputs: "XWAYLAND0".
asio::awaitable<Result<bool>> is_xwayland(X11Connection& x) {
  if (!x.has(&xcb_randr_id)) co_return false;
  const auto version = xcb_randr_query_version(x.get(), 1, 3);
  auto spoken = co_await x.reply<xcb_randr_query_version_reply_t>(version.sequence);
  if (!spoken) co_return spoken.error();
  const auto root = xcb_setup_roots_iterator(xcb_get_setup(x.get())).data->root;
  const auto asked = xcb_randr_get_screen_resources_current(x.get(), root);
  auto screen = co_await x.reply<xcb_randr_get_screen_resources_current_reply_t>(asked.sequence);
  if (!screen) co_return screen.error();
  if (xcb_randr_get_screen_resources_current_outputs_length(screen->get()) == 0) co_return false;
  const auto output = *xcb_randr_get_screen_resources_current_outputs(screen->get());
  const auto asked_output = xcb_randr_get_output_info(x.get(), output, XCB_CURRENT_TIME);
  auto info = co_await x.reply<xcb_randr_get_output_info_reply_t>(asked_output.sequence);
  if (!info) co_return info.error();
  const auto length = static_cast<std::size_t>(xcb_randr_get_output_info_name_length(info->get()));
  const auto* name = reinterpret_cast<const char*>(xcb_randr_get_output_info_name(info->get()));
  co_return std::string_view(name, length).starts_with("XWAYLAND");
}

}  // namespace

X11Options x11_options() {
  X11Options options;
  options.display = variable("DISPLAY");
  options.authority_files = [] {
    return x11_authority_files(std::getenv("XAUTHORITY"), std::getenv("HOME"), std::getenv("XDG_RUNTIME_DIR"));
  };
  options.belongs_to_wayland = [] {
    if (!variable("WAYLAND_DISPLAY").empty()) return true;
    const std::string directory = variable("XDG_RUNTIME_DIR");
    return !local_display_number(variable("DISPLAY")) && !directory.empty() && has_wayland_socket(directory);
  };
  return options;
}

struct X11Displays::Display {
  Display(asio::any_io_executor executor, int its_number, std::filesystem::path its_socket)
      : number(its_number), socket(std::move(its_socket)), retry(executor) {}

  int number;
  std::filesystem::path socket;
  Retry retry;
  // Another attempt would end as the last one did, until something changes.
  bool settled = false;
  X11Connection* connection = nullptr;
};

X11Displays::X11Displays(asio::any_io_executor executor, asio::thread_pool& pool, X11Options options,
                         std::vector<xcb_extension_t*> extensions, User user)
    : executor_(executor),
      pool_(pool),
      options_(std::move(options)),
      named_(local_display_number(options_.display)),
      extensions_(std::move(extensions)),
      user_(std::move(user)),
      files_(executor),
      tasks_(executor) {
  extensions_.push_back(&xcb_randr_id);
}

X11Displays::~X11Displays() = default;

void X11Displays::start() {
  if (named_) add_display(*named_);
  tasks_.spawn("X11 sockets", watch_sockets());
}

void X11Displays::wake() {
  for (const auto& [number, display] : displays_) {
    if (display->connection != nullptr) display->connection->wake();
  }
}

void X11Displays::stop() {
  stopping_ = true;
  files_.stop();
  for (const auto& [number, display] : displays_) {
    if (display->connection != nullptr) display->connection->close();
    display->retry.stop();
  }
}

asio::awaitable<void> X11Displays::stopped() { co_await tasks_.wait(); }

std::string X11Displays::nothing() const {
  const bool foreign = !options_.display.empty() && !named_;
  return foreign ? "no X display of this machine; DISPLAY is " + options_.display : "no X display";
}

asio::awaitable<void> X11Displays::watch_sockets() {
  // Most systems make the directory when they start. Where there is none yet, its parent tells of it.
  auto watched = files_.add(options_.sockets, coming_and_going);
  const auto parent = watched ? Result<int>(-1) : files_.add(options_.sockets.parent_path(), coming_and_going);
  (void)files_.add(options_.sessions, IN_MOVED_TO | IN_DELETE | IN_ONLYDIR);
  look_for_displays();
  for (;;) {
    const auto events = co_await files_.next();
    if (!events) co_return;
    if (!watched) {
      watched = files_.add(options_.sockets, coming_and_going);
      if (watched && parent) files_.remove(*parent);
    }
    look_for_displays();
    for (const FileWatch::Event& event : *events) {
      const bool about_sockets = watched && event.watch == *watched;
      for (const auto& [number, display] : displays_) {
        const bool may_be_about = !about_sockets || event.name == display->socket.filename();
        if (may_be_about && display->connection == nullptr) display->retry.tell();
      }
    }
  }
}

void X11Displays::look_for_displays() {
  if (named_) return;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(options_.sockets, failure)) {
    const std::string name = entry.path().filename();
    const auto number = name.starts_with("X") ? local_display_number(":" + name.substr(1)) : std::nullopt;
    struct stat status {};
    // Anybody may make a socket here, and say through it that nobody is at work.
    if (!number || ::stat(entry.path().c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) continue;
    if (status.st_uid == 0 || status.st_uid == ::getuid()) add_display(*number);
  }
}

void X11Displays::add_display(int number) {
  if (displays_.contains(number) || displays_.size() >= max_displays || stopping_) return;
  auto display = std::make_shared<Display>(executor_, number, options_.sockets / ("X" + std::to_string(number)));
  displays_.emplace(number, display);
  tasks_.spawn("X11 display", watch_display(display));
}

asio::awaitable<void> X11Displays::watch_display(std::shared_ptr<Display> display) {
  while (!stopping_) {
    const auto ended = co_await attempt(display);
    if (stopping_) co_return;
    std::error_code failure;
    const bool forgotten = !named_ && !std::filesystem::exists(display->socket, failure);
    if (forgotten) displays_.erase(display->number);
    user_.ended(display->number, ended.error(), forgotten);
    if (forgotten) co_return;
    if (display->settled) {
      co_await display->retry.wait_until_told();
    } else {
      co_await display->retry.wait();
    }
  }
}

// Ends with why.
asio::awaitable<Result<void>> X11Displays::attempt(std::shared_ptr<Display> display) {
  const Error wayland(ErrorCode::not_found, "it belongs to a Wayland session");
  display->settled = true;
  if (options_.belongs_to_wayland && options_.belongs_to_wayland()) co_return wayland;
  display->settled = false;
  X11Address address;
  address.socket = display->socket;
  if (options_.authority_files) address.cookies = find_x11_cookies(options_.authority_files(), display->number);
  auto opened = co_await X11Connection::open(executor_, pool_, std::move(address), extensions_);
  if (!opened) co_return opened.error();
  if (stopping_) co_return Error(ErrorCode::cancelled, "stopped");
  X11Connection& connection = **opened;
  display->retry.succeeded();
  display->connection = &connection;
  Result<void> ended = wayland;
  const auto inner = co_await is_xwayland(connection);
  if (!inner) {
    ended = inner.error();
  } else if (!*inner) {
    ended = co_await user_.follow(display->number, connection);
  }
  display->connection = nullptr;
  const ErrorCode code = ended.error().code;
  display->settled = code == ErrorCode::not_found || code == ErrorCode::unsupported;
  co_return ended;
}

}  // namespace gogrid::worker
