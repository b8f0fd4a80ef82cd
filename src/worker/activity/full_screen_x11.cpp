#include "worker/activity/full_screen_x11.hpp"

#include <xcb/xcb.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/utf8.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_name_bytes = 100;
constexpr std::size_t max_comm_bytes = 64;
// In units of four bytes.
constexpr std::uint32_t max_property_words = 1024;

using Property = XPointer<xcb_get_property_reply_t>;

asio::awaitable<Result<xcb_atom_t>> find_atom(X11Connection& x, std::string name) {
  const auto asked = xcb_intern_atom(x.get(), 0, static_cast<std::uint16_t>(name.size()), name.c_str());
  const auto reply = co_await x.reply<xcb_intern_atom_reply_t>(asked.sequence);
  if (!reply) co_return reply.error();
  co_return (*reply)->atom;
}

// Empty for a window that has just gone.
asio::awaitable<Result<Property>> get_property(X11Connection& x, xcb_window_t window, xcb_atom_t name,
                                               xcb_atom_t type) {
  const auto asked = xcb_get_property(x.get(), 0, window, name, type, 0, max_property_words);
  auto reply = co_await x.reply<xcb_get_property_reply_t>(asked.sequence);
  if (!reply && reply.error().code == ErrorCode::unsupported) co_return Property();
  if (!reply) co_return reply.error();
  co_return std::move(*reply);
}

std::vector<std::uint32_t> numbers(const Property& property) {
  if (!property || property->format != 32) return {};
  std::vector<std::uint32_t> list(static_cast<std::size_t>(xcb_get_property_value_length(property.get())) / 4);
  if (!list.empty()) std::memcpy(list.data(), xcb_get_property_value(property.get()), list.size() * 4);
  return list;
}

std::string_view text(const Property& property) {
  if (!property || property->format != 8) return {};
  return std::string_view(static_cast<const char*>(xcb_get_property_value(property.get())),
                          static_cast<std::size_t>(xcb_get_property_value_length(property.get())));
}

std::uint32_t first(const std::vector<std::uint32_t>& list) { return list.empty() ? 0 : list.front(); }

// WM_CLASS is an instance's name and a class's, each ended by a NUL; the class is what a person knows.
std::string class_name(std::string_view value) {
  const auto end = value.find('\0');
  if (end == std::string_view::npos) return valid_utf8(std::string(value), max_name_bytes);
  const std::string_view rest = value.substr(end + 1);
  const std::string_view name = rest.substr(0, rest.find('\0'));
  return valid_utf8(std::string(name.empty() ? value.substr(0, end) : name), max_name_bytes);
}

std::string process_name(std::uint32_t pid) {
  if (pid == 0) return "";
  auto name = read_file("/proc/" + std::to_string(pid) + "/comm", max_comm_bytes);
  if (!name) return "";
  while (!name->empty() && name->back() == '\n')
    name->pop_back();
  return valid_utf8(*name, max_name_bytes);
}

void listen(X11Connection& x, xcb_window_t window, bool on) {
  const std::uint32_t mask = on ? XCB_EVENT_MASK_PROPERTY_CHANGE : XCB_EVENT_MASK_NO_EVENT;
  xcb_change_window_attributes(x.get(), window, XCB_CW_EVENT_MASK, &mask);
}

}  // namespace

struct FullScreenX11::Atoms {
  xcb_atom_t supported = 0;
  xcb_atom_t active_window = 0;
  xcb_atom_t state = 0;
  xcb_atom_t full_screen = 0;
  xcb_atom_t pid = 0;

  static asio::awaitable<Result<Atoms>> find(X11Connection& x) {
    Atoms atoms;
    const std::array<std::pair<const char*, xcb_atom_t*>, 5> wanted{{{"_NET_SUPPORTED", &atoms.supported},
                                                                     {"_NET_ACTIVE_WINDOW", &atoms.active_window},
                                                                     {"_NET_WM_STATE", &atoms.state},
                                                                     {"_NET_WM_STATE_FULLSCREEN", &atoms.full_screen},
                                                                     {"_NET_WM_PID", &atoms.pid}}};
    for (const auto& [name, place] : wanted) {
      const auto found = co_await find_atom(x, name);
      if (!found) co_return found.error();
      *place = *found;
    }
    co_return atoms;
  }

  // What the active window says; nothing when it does not fill the screen.
  asio::awaitable<Result<std::optional<FullScreen>>> read(X11Connection& x, xcb_window_t window) const {
    std::optional<FullScreen> nothing;
    if (window == 0) co_return nothing;
    const auto states = co_await get_property(x, window, state, XCB_ATOM_ATOM);
    if (!states) co_return states.error();
    const auto list = numbers(*states);
    if (std::find(list.begin(), list.end(), full_screen) == list.end()) co_return nothing;
    const auto name = co_await get_property(x, window, XCB_ATOM_WM_CLASS, XCB_ATOM_STRING);
    if (!name) co_return name.error();
    const auto process = co_await get_property(x, window, pid, XCB_ATOM_CARDINAL);
    if (!process) co_return process.error();
    FullScreen found;
    found.program = class_name(text(*name));
    if (found.program.empty()) found.program = process_name(first(numbers(*process)));
    co_return std::optional<FullScreen>(std::move(found));
  }
};

FullScreenX11::FullScreenX11(asio::any_io_executor executor, asio::thread_pool& pool, X11Options options,
                             std::function<void()> on_change)
    : on_change_(std::move(on_change)), displays_(executor, pool, std::move(options), {}, user()) {}

X11Displays::User FullScreenX11::user() {
  X11Displays::User user;
  user.follow = [this](int number, X11Connection& connection) { return follow(number, connection); };
  user.ended = [this](int number, const Error& why, bool forgotten) {
    const bool nothing = why.code == ErrorCode::not_found;
    FullScreenReport part;
    part.sight = nothing ? FullScreenReport::Sight::absent : FullScreenReport::Sight::blind;
    part.detail = "display :" + std::to_string(number) + ": " + why.detail;
    set(number, std::move(part));
    if (!forgotten) return;
    parts_.erase(number);
    on_change_();
  };
  return user;
}

asio::awaitable<Result<void>> FullScreenX11::follow(int number, X11Connection& x) {
  const auto atoms = co_await Atoms::find(x);
  if (!atoms) co_return atoms.error();
  const xcb_window_t root = xcb_setup_roots_iterator(xcb_get_setup(x.get())).data->root;
  listen(x, root, true);
  xcb_window_t watched = 0;
  for (;;) {
    const auto supported = co_await get_property(x, root, atoms->supported, XCB_ATOM_ATOM);
    if (!supported) co_return supported.error();
    const auto active = co_await get_property(x, root, atoms->active_window, XCB_ATOM_WINDOW);
    if (!active) co_return active.error();
    const xcb_window_t window = first(numbers(*active));
    if (window != watched) {
      if (watched != 0) listen(x, watched, false);
      // Before it is read: nothing is missed between.
      if (window != 0 && window != root) listen(x, window, true);
      watched = window != root ? window : 0;
    }
    auto state = co_await atoms->read(x, watched);
    if (!state) co_return state.error();
    const bool tells = !numbers(*supported).empty();
    FullScreenReport part;
    part.sight = tells ? FullScreenReport::Sight::watched : FullScreenReport::Sight::blind;
    part.detail = "display :" + std::to_string(number) + (tells ? "" : ": no window manager that tells");
    part.full_screen = std::move(*state);
    set(number, std::move(part));
    for (bool of_interest = false; !of_interest;) {
      const auto event = co_await x.next_event();
      if (!event) co_return event.error();
      if (!*event || ((*event)->response_type & 0x7f) != XCB_PROPERTY_NOTIFY) continue;
      const auto* changed = reinterpret_cast<const xcb_property_notify_event_t*>(event->get());
      of_interest =
          changed->atom == atoms->active_window || changed->atom == atoms->state || changed->atom == atoms->supported;
    }
  }
}

void FullScreenX11::set(int number, FullScreenReport part) {
  FullScreenReport& known = parts_[number];
  if (known == part) return;
  known = std::move(part);
  on_change_();
}

FullScreenReport FullScreenX11::report() const {
  std::vector<FullScreenReport> reports;
  for (const auto& [number, part] : parts_)
    reports.push_back(part);
  FullScreenReport all = FullScreenReport::combine(reports);
  if (all.detail.empty()) all.detail = displays_.nothing();
  return all;
}

}  // namespace gogrid::worker
