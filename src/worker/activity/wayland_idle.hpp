// WaylandIdle: hears from Wayland compositors when their users stop and start to type and click, by ext-idle-notify-v1
// or the older protocol that KDE made (sway 1.7 has only that). Follows compositors that come and go. Owned by
// IdleWatch; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/task_group.hpp"
#include "worker/activity/idle_source.hpp"
#include "worker/file_watch.hpp"

namespace gogrid::worker {

struct WaylandOptions {
  // WAYLAND_DISPLAY: a name in the runtime directory, or a path. Empty: every wayland-0, wayland-1, … there.
  std::string display;
  // XDG_RUNTIME_DIR
  std::filesystem::path runtime_directory;
};

// "wayland-0", but not "wayland-0.lock".
bool is_wayland_socket_name(std::string_view name);

class WaylandIdle final : public IdleSource {
 public:
  WaylandIdle(boost::asio::any_io_executor executor, WaylandOptions options, std::chrono::milliseconds idle_after,
              std::function<void()> on_change);
  ~WaylandIdle() override;

  void start() override;
  void set_idle_after(std::chrono::milliseconds idle_after) override;
  void stop() override;
  boost::asio::awaitable<void> stopped() override;
  SourceReport report() const override;

 private:
  class Connection;
  struct Display;

  boost::asio::awaitable<void> watch_sockets();
  void look_for_displays();
  void add_display(const std::filesystem::path& socket);
  boost::asio::awaitable<void> watch_display(std::shared_ptr<Display> display);
  void set(Display& display, SourceState state, std::string detail);

  boost::asio::any_io_executor executor_;
  WaylandOptions options_;
  std::chrono::milliseconds idle_after_;
  std::function<void()> on_change_;
  FileWatch files_;
  std::map<std::filesystem::path, std::shared_ptr<Display>> displays_;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace gogrid::worker
