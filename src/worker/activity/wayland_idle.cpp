#include "worker/activity/wayland_idle.hpp"

#include <wayland-client.h>

#include <ext-idle-notify-v1-client.h>
#include <idle-client.h>
#include <algorithm>
#include <list>
#include <utility>

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_seats = 8;

}  // namespace

// The seats of one compositor, each with an idle notification. In the frame of the coroutine that follows it.
class WaylandIdle::Seats final : public WaylandConnection::User {
 public:
  Seats(WaylandConnection& connection, std::chrono::milliseconds idle_after, std::function<void()> on_change)
      : connection_(connection), idle_after_(idle_after), on_change_(std::move(on_change)) {}
  ~Seats() override {
    for (Seat& seat : seats_) {
      destroy(seat);
      wl_seat_destroy(seat.seat);
    }
    if (ext_ != nullptr) ext_idle_notifier_v1_destroy(ext_);
    if (kde_ != nullptr) org_kde_kwin_idle_destroy(kde_);
  }
  Seats(const Seats&) = delete;
  Seats& operator=(const Seats&) = delete;

  void on_global(wl_registry* registry, std::uint32_t name, std::string_view interface, std::uint32_t) override {
    if (interface == wl_seat_interface.name && seats_.size() < max_seats) {
      Seat& seat = seats_.emplace_back();
      seat.owner = this;
      seat.name = name;
      seat.seat = static_cast<wl_seat*>(wl_registry_bind(registry, name, &wl_seat_interface, 1));
      if (connection_.listed()) create(seat);
    } else if (interface == ext_idle_notifier_v1_interface.name && ext_ == nullptr) {
      ext_ = static_cast<ext_idle_notifier_v1*>(wl_registry_bind(registry, name, &ext_idle_notifier_v1_interface, 1));
    } else if (interface == org_kde_kwin_idle_interface.name && kde_ == nullptr) {
      kde_ = static_cast<org_kde_kwin_idle*>(wl_registry_bind(registry, name, &org_kde_kwin_idle_interface, 1));
    }
  }
  void on_global_removed(std::uint32_t name) override {
    for (auto seat = seats_.begin(); seat != seats_.end(); ++seat) {
      if (seat->name != name) continue;
      destroy(*seat);
      wl_seat_destroy(seat->seat);
      seats_.erase(seat);
      return on_change_();
    }
  }
  void on_listed() override {
    if (!ready())
      return connection_.end(Error(ErrorCode::unsupported, "this compositor does not tell when its user is idle"));
    for (Seat& seat : seats_)
      create(seat);
    on_change_();
  }

  void set_idle_after(std::chrono::milliseconds idle_after) {
    idle_after_ = idle_after;
    for (Seat& seat : seats_) {
      destroy(seat);
      if (connection_.listed()) create(seat);
    }
    connection_.flush();
  }
  // Known once the compositor has told what it has.
  bool ready() const { return connection_.listed() && (ext_ != nullptr || kde_ != nullptr); }
  bool idle() const {
    return std::all_of(seats_.begin(), seats_.end(), [](const Seat& seat) { return seat.idle; });
  }

 private:
  struct Seat {
    Seats* owner = nullptr;
    std::uint32_t name = 0;
    wl_seat* seat = nullptr;
    ext_idle_notification_v1* ext = nullptr;
    org_kde_kwin_idle_timeout* kde = nullptr;
    bool idle = false;
  };

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

  WaylandConnection& connection_;
  std::chrono::milliseconds idle_after_;
  std::function<void()> on_change_;
  ext_idle_notifier_v1* ext_ = nullptr;
  org_kde_kwin_idle* kde_ = nullptr;
  std::list<Seat> seats_;
};

WaylandIdle::WaylandIdle(asio::any_io_executor executor, WaylandOptions options, std::chrono::milliseconds idle_after,
                         std::function<void()> on_change)
    : idle_after_(idle_after),
      on_change_(std::move(on_change)),
      displays_(std::move(executor), std::move(options), user()) {}

WaylandDisplays::User WaylandIdle::user() {
  WaylandDisplays::User user;
  user.follow = [this](std::string name, WaylandConnection& connection) { return follow(std::move(name), connection); };
  user.ended = [this](const std::string& name, const Error& why, bool forgotten) {
    const bool nothing = why.code == ErrorCode::not_found;
    set(name, nothing ? SourceState::absent : SourceState::blind, nothing ? "no " + name : name + ": " + why.detail);
    if (!forgotten) return;
    parts_.erase(name);
    on_change_();
  };
  return user;
}

void WaylandIdle::set_idle_after(std::chrono::milliseconds idle_after) {
  idle_after_ = idle_after;
  for (auto& [name, part] : parts_) {
    if (part.seats == nullptr) continue;
    part.seats->set_idle_after(idle_after);
    if (part.seats->ready()) set(name, SourceState::active, name);
  }
}

asio::awaitable<Error> WaylandIdle::follow(std::string name, WaylandConnection& connection) {
  Seats seats(connection, idle_after_, [this, &name] { seats_changed(name); });
  parts_[name].seats = &seats;
  Error ended = co_await connection.run(seats);
  parts_[name].seats = nullptr;
  co_return ended;
}

void WaylandIdle::seats_changed(const std::string& name) {
  const Seats* seats = parts_[name].seats;
  if (seats == nullptr || !seats->ready()) return;
  set(name, seats->idle() ? SourceState::idle : SourceState::active, name);
}

void WaylandIdle::set(const std::string& name, SourceState state, std::string detail) {
  Part& part = parts_[name];
  if (part.state == state && part.detail == detail) return;
  const auto now = std::chrono::steady_clock::now();
  part.state = state;
  part.since = state == SourceState::idle ? now - idle_after_ : now;
  part.detail = std::move(detail);
  on_change_();
}

SourceReport WaylandIdle::report() const {
  SourceReport report;
  report.name = "Wayland";
  report.detail = WaylandDisplays::nothing();
  for (const auto& [name, part] : parts_)
    add_part(report, part.state, part.since, part.detail);
  return report;
}

}  // namespace gogrid::worker
