#include "worker/activity/full_screen_wayland.hpp"

#include <wayland-client.h>

#include <wlr-foreign-toplevel-client.h>
#include <algorithm>
#include <list>
#include <span>
#include <utility>
#include <vector>

#include "base/utf8.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_toplevels = 1024;
constexpr std::size_t max_name_bytes = 100;
// The first that tells of full screens; what newer ones add is not needed.
constexpr std::uint32_t needed_version = 2;

}  // namespace

// The windows of one compositor. In the frame of the coroutine that follows it.
class FullScreenWayland::Toplevels final : public WaylandConnection::User {
 public:
  Toplevels(WaylandConnection& connection, std::function<void()> on_change)
      : connection_(connection), on_change_(std::move(on_change)) {}
  ~Toplevels() override {
    for (const Toplevel& toplevel : toplevels_)
      zwlr_foreign_toplevel_handle_v1_destroy(toplevel.handle);
    if (manager_ != nullptr) zwlr_foreign_toplevel_manager_v1_destroy(manager_);
  }
  Toplevels(const Toplevels&) = delete;
  Toplevels& operator=(const Toplevels&) = delete;

  void on_global(wl_registry* registry, std::uint32_t name, std::string_view interface,
                 std::uint32_t version) override {
    if (interface != zwlr_foreign_toplevel_manager_v1_interface.name || version < needed_version) return;
    if (manager_ != nullptr) return;
    static constexpr zwlr_foreign_toplevel_manager_v1_listener listener{on_toplevel, on_finished};
    manager_ = static_cast<zwlr_foreign_toplevel_manager_v1*>(
        wl_registry_bind(registry, name, &zwlr_foreign_toplevel_manager_v1_interface, needed_version));
    zwlr_foreign_toplevel_manager_v1_add_listener(manager_, &listener, this);
  }
  void on_global_removed(std::uint32_t) override {}
  void on_listed() override {
    if (manager_ != nullptr) return on_change_();
    connection_.end(Error(ErrorCode::unsupported, "this compositor does not tell which windows fill the screen"));
  }

  // That of the active window; nothing when it does not fill the screen.
  std::optional<FullScreen> full_screen() const {
    for (const Toplevel& toplevel : toplevels_) {
      if (!toplevel.shown.active || !toplevel.shown.full_screen) continue;
      FullScreen found;
      found.program = toplevel.shown.app_id;
      return found;
    }
    return std::nullopt;
  }

 private:
  struct Looks {
    std::string app_id;
    bool active = false;
    bool full_screen = false;

    bool operator==(const Looks&) const = default;
  };
  struct Toplevel {
    Toplevels* owner = nullptr;
    zwlr_foreign_toplevel_handle_v1* handle = nullptr;
    // What was told since the last `done`, and what counts.
    Looks told;
    Looks shown;
  };

  static void on_toplevel(void* data, zwlr_foreign_toplevel_manager_v1*, zwlr_foreign_toplevel_handle_v1* handle) {
    auto& self = *static_cast<Toplevels*>(data);
    if (self.toplevels_.size() >= max_toplevels) return zwlr_foreign_toplevel_handle_v1_destroy(handle);
    static constexpr zwlr_foreign_toplevel_handle_v1_listener listener{
        [](void*, zwlr_foreign_toplevel_handle_v1*, const char*) {},  // its title is nobody's business
        on_app_id,
        [](void*, zwlr_foreign_toplevel_handle_v1*, wl_output*) {},
        [](void*, zwlr_foreign_toplevel_handle_v1*, wl_output*) {},
        on_state,
        on_done,
        on_closed,
        [](void*, zwlr_foreign_toplevel_handle_v1*, zwlr_foreign_toplevel_handle_v1*) {}};
    Toplevel& toplevel = self.toplevels_.emplace_back();
    toplevel.owner = &self;
    toplevel.handle = handle;
    zwlr_foreign_toplevel_handle_v1_add_listener(handle, &listener, &toplevel);
  }
  static void on_finished(void* data, zwlr_foreign_toplevel_manager_v1*) {
    static_cast<Toplevels*>(data)->connection_.end(
        Error(ErrorCode::unsupported, "this compositor tells no longer which windows fill the screen"));
  }
  static void on_app_id(void* data, zwlr_foreign_toplevel_handle_v1*, const char* app_id) {
    static_cast<Toplevel*>(data)->told.app_id = valid_utf8(app_id, max_name_bytes);
  }
  static void on_state(void* data, zwlr_foreign_toplevel_handle_v1*, wl_array* array) {
    const std::span<const std::uint32_t> states(static_cast<const std::uint32_t*>(array->data),
                                                array->size / sizeof(std::uint32_t));
    const auto has = [states](std::uint32_t state) {
      return std::find(states.begin(), states.end(), state) != states.end();
    };
    Looks& told = static_cast<Toplevel*>(data)->told;
    told.active = has(ZWLR_FOREIGN_TOPLEVEL_HANDLE_V1_STATE_ACTIVATED);
    told.full_screen = has(ZWLR_FOREIGN_TOPLEVEL_HANDLE_V1_STATE_FULLSCREEN);
  }
  static void on_done(void* data, zwlr_foreign_toplevel_handle_v1*) {
    auto& toplevel = *static_cast<Toplevel*>(data);
    if (toplevel.shown == toplevel.told) return;
    toplevel.shown = toplevel.told;
    toplevel.owner->on_change_();
  }
  static void on_closed(void* data, zwlr_foreign_toplevel_handle_v1* handle) {
    Toplevels& self = *static_cast<Toplevel*>(data)->owner;
    zwlr_foreign_toplevel_handle_v1_destroy(handle);
    self.toplevels_.remove_if([data](const Toplevel& toplevel) { return &toplevel == data; });
    self.on_change_();
  }

  WaylandConnection& connection_;
  std::function<void()> on_change_;
  zwlr_foreign_toplevel_manager_v1* manager_ = nullptr;
  std::list<Toplevel> toplevels_;
};

FullScreenWayland::FullScreenWayland(asio::any_io_executor executor, WaylandOptions options,
                                     std::function<void()> on_change)
    : on_change_(std::move(on_change)), displays_(std::move(executor), std::move(options), user()) {}

WaylandDisplays::User FullScreenWayland::user() {
  WaylandDisplays::User user;
  user.follow = [this](std::string name, WaylandConnection& connection) { return follow(std::move(name), connection); };
  user.ended = [this](const std::string& name, const Error& why, bool forgotten) {
    const bool nothing = why.code == ErrorCode::not_found;
    FullScreenReport part;
    part.sight = nothing ? FullScreenReport::Sight::absent : FullScreenReport::Sight::blind;
    part.detail = nothing ? "no " + name : name + ": " + why.detail;
    set(name, std::move(part));
    if (!forgotten) return;
    parts_.erase(name);
    on_change_();
  };
  return user;
}

asio::awaitable<Error> FullScreenWayland::follow(std::string name, WaylandConnection& connection) {
  const Toplevels* known = nullptr;
  Toplevels toplevels(connection, [this, &name, &known] {
    FullScreenReport part;
    part.sight = FullScreenReport::Sight::watched;
    part.detail = name;
    part.full_screen = known->full_screen();
    set(name, std::move(part));
  });
  known = &toplevels;
  co_return co_await connection.run(toplevels);
}

void FullScreenWayland::set(const std::string& name, FullScreenReport part) {
  FullScreenReport& known = parts_[name];
  if (known == part) return;
  known = std::move(part);
  on_change_();
}

FullScreenReport FullScreenWayland::report() const {
  std::vector<FullScreenReport> reports;
  for (const auto& [name, part] : parts_)
    reports.push_back(part);
  FullScreenReport all = FullScreenReport::combine(reports);
  if (all.detail.empty()) all.detail = WaylandDisplays::nothing();
  return all;
}

}  // namespace gogrid::worker
