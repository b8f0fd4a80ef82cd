#include "worker/activity/logind_idle.hpp"

#include <systemd/sd-bus.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace gogrid::worker {
namespace {

const std::string service = "org.freedesktop.login1";
const std::string manager = "org.freedesktop.login1.Manager";
const std::string manager_path = "/org/freedesktop/login1";
const std::string session_interface = "org.freedesktop.login1.Session";
const std::string properties = "org.freedesktop.DBus.Properties";
constexpr auto nobody = "no login manager";
constexpr std::size_t max_sessions = 32;

std::string read_text(sd_bus_message* message) {
  const char* text = "";
  return sd_bus_message_read(message, "v", "s", &text) < 0 ? "" : text;
}

}  // namespace

LogindIdle::LogindIdle(boost::asio::any_io_executor executor, Bus& system_bus, std::chrono::milliseconds idle_after,
                       std::function<void()> on_change)
    : idle_after_(idle_after),
      on_change_(std::move(on_change)),
      due_(executor),
      client_(system_bus, {nullptr, [this] { set(SourceState::absent, std::chrono::steady_clock::now(), nobody); }}) {
  report_.name = "login manager";
  report_.detail = nobody;
  report_.fallback = true;
  client_.watch({service, manager_path, manager, "SessionNew"}, [this](sd_bus_message*) { list(); });
  client_.watch({service, manager_path, manager, "SessionRemoved"}, [this](sd_bus_message*) { list(); });
  client_.watch({service, "", properties, "PropertiesChanged"}, [this](sd_bus_message* message) {
    const char* changed = "";
    if (sd_bus_message_read(message, "s", &changed) >= 0 && changed == session_interface) list();
  });
  client_.follow_service(service, [this](bool present) {
    ++round_;
    if (present) {
      list();
    } else {
      set(SourceState::absent, std::chrono::steady_clock::now(), nobody);
    }
  });
}

void LogindIdle::set_idle_after(std::chrono::milliseconds idle_after) {
  idle_after_ = idle_after;
  if (report_.state != SourceState::absent) evaluate();
}

void LogindIdle::stop() {
  stopping_ = true;
  due_.cancel();
}

void LogindIdle::list() {
  const std::uint32_t round = ++round_;
  client_.call({service, manager_path, manager, "ListSessions"}, {}, [this, round](Result<sd_bus_message*> reply) {
    if (round != round_) return;
    if (!reply || sd_bus_message_enter_container(*reply, SD_BUS_TYPE_ARRAY, "(susso)") < 0)
      return set(SourceState::blind, std::chrono::steady_clock::now(), "it does not list its sessions");
    std::vector<std::string> paths;
    const char* id = "";
    const char* user = "";
    const char* seat = "";
    const char* path = "";
    std::uint32_t uid = 0;
    while (paths.size() < max_sessions && sd_bus_message_read(*reply, "(susso)", &id, &uid, &user, &seat, &path) > 0)
      paths.emplace_back(path);
    arriving_.clear();
    expected_ = paths.size();
    for (const std::string& one : paths)
      ask(one, round);
    if (paths.empty()) {
      sessions_.clear();
      evaluate();
    }
  });
}

void LogindIdle::ask(const std::string& path, std::uint32_t round) {
  client_.call({service, path, properties, "GetAll"}, {session_interface},
               [this, round](Result<sd_bus_message*> reply) {
                 if (round != round_) return;
                 // One that has just ended is none.
                 arriving_.push_back(reply ? read(*reply) : Session());
                 if (arriving_.size() < expected_) return;
                 sessions_ = std::move(arriving_);
                 arriving_.clear();
                 evaluate();
               });
}

LogindIdle::Session LogindIdle::read(sd_bus_message* message) {
  Session session;
  std::string type;
  std::string kind;
  std::string state;
  if (sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "{sv}") < 0) return session;
  while (sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, "sv") > 0) {
    const char* text = "";
    if (sd_bus_message_read(message, "s", &text) < 0) break;
    const std::string_view name = text;
    int idle = 0;
    std::uint64_t since_us = 0;
    if (name == "Id") {
      session.id = read_text(message);
    } else if (name == "Type") {
      type = read_text(message);
    } else if (name == "Class") {
      kind = read_text(message);
    } else if (name == "State") {
      state = read_text(message);
    } else if (name == "IdleHint" && sd_bus_message_read(message, "v", "b", &idle) >= 0) {
      session.idle = idle != 0;
    } else if (name == "IdleSinceHintMonotonic" && sd_bus_message_read(message, "v", "t", &since_us) >= 0) {
      session.idle_since = SteadyTime(std::chrono::microseconds(since_us));
    } else if (sd_bus_message_skip(message, "v") < 0) {
      break;
    }
    if (sd_bus_message_exit_container(message) < 0) break;
  }
  session.on_screen = kind == "user" && state == "active" && (type == "x11" || type == "wayland" || type == "mir");
  return session;
}

void LogindIdle::evaluate() {
  due_.cancel();
  const auto now = std::chrono::steady_clock::now();
  SteadyTime since{};
  std::string names;
  bool in_use = false;
  for (const Session& session : sessions_) {
    if (!session.on_screen) continue;
    names += (names.empty() ? "session " : ", ") + session.id;
    in_use = in_use || !session.idle;
    since = std::max(since, std::min(session.idle_since, now));
  }
  if (names.empty()) return set(SourceState::idle, now, "nobody is logged in at the screen");
  if (in_use) return set(SourceState::active, now, names);
  if (now - since >= idle_after_) return set(SourceState::idle, since, names);
  set(SourceState::active, now, names);
  due_.expires_at(since + idle_after_);
  due_.async_wait([this](boost::system::error_code failure) {
    if (!failure && !stopping_) evaluate();
  });
}

void LogindIdle::set(SourceState state, SteadyTime since, std::string detail) {
  if (stopping_ || (report_.state == state && report_.detail == detail)) return;
  report_.state = state;
  report_.since = since;
  report_.detail = std::move(detail);
  on_change_();
}

}  // namespace gogrid::worker
