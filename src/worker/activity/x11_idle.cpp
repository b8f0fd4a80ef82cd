#include "worker/activity/x11_idle.hpp"

#include <xcb/sync.h>
#include <xcb/xcb.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::string_view idle_counter = "IDLETIME";

std::int64_t from_sync(xcb_sync_int64_t value) { return (static_cast<std::int64_t>(value.hi) << 32) | value.lo; }

std::optional<xcb_sync_counter_t> find_idle_counter(const xcb_sync_list_system_counters_reply_t* reply) {
  for (auto counters = xcb_sync_list_system_counters_counters_iterator(reply); counters.rem > 0;
       xcb_sync_systemcounter_next(&counters)) {
    const auto length = static_cast<std::size_t>(xcb_sync_systemcounter_name_length(counters.data));
    // Right behind its length; xcb_sync_systemcounter_name() takes the padding of its C structure to be there too.
    const auto* name = reinterpret_cast<const char*>(&counters.data->name_len + 1);
    if (std::string_view(name, length) == idle_counter) return counters.data->counter;
  }
  return std::nullopt;
}

// One alarm that goes off once: when the time without input passes `idle_after`, or, when it has, at the next input.
void arm(X11Connection& x, xcb_sync_alarm_t alarm, xcb_sync_counter_t counter, bool idle,
         std::chrono::milliseconds idle_after, bool create) {
  const std::int64_t value = idle ? idle_after.count() - 1 : idle_after.count();
  const std::uint32_t test = idle ? XCB_SYNC_TESTTYPE_NEGATIVE_COMPARISON : XCB_SYNC_TESTTYPE_POSITIVE_COMPARISON;
  constexpr std::uint32_t mask = XCB_SYNC_CA_COUNTER | XCB_SYNC_CA_VALUE_TYPE | XCB_SYNC_CA_VALUE |
                                 XCB_SYNC_CA_TEST_TYPE | XCB_SYNC_CA_DELTA | XCB_SYNC_CA_EVENTS;
  // In the mask's order; numbers of 64 bits, the value and the delta, have their upper half first.
  const std::uint32_t values[] = {counter,
                                  XCB_SYNC_VALUETYPE_ABSOLUTE,
                                  static_cast<std::uint32_t>(value >> 32),
                                  static_cast<std::uint32_t>(value),
                                  test,
                                  0,
                                  0,
                                  1};
  if (create) {
    xcb_sync_create_alarm(x.get(), alarm, mask, values);
  } else {
    xcb_sync_change_alarm(x.get(), alarm, mask, values);
  }
}

std::string name(int number) { return "display :" + std::to_string(number); }

}  // namespace

X11Idle::X11Idle(asio::any_io_executor executor, asio::thread_pool& pool, X11Options options,
                 std::chrono::milliseconds idle_after, std::function<void()> on_change)
    : idle_after_(idle_after),
      on_change_(std::move(on_change)),
      displays_(executor, pool, std::move(options), {&xcb_sync_id}, user()) {}

X11Displays::User X11Idle::user() {
  X11Displays::User user;
  user.follow = [this](int number, X11Connection& connection) { return follow(number, connection); };
  user.ended = [this](int number, const Error& why, bool forgotten) {
    const bool nothing = why.code == ErrorCode::not_found;
    set(number, nothing ? SourceState::absent : SourceState::blind, std::chrono::steady_clock::now(),
        name(number) + ": " + why.detail);
    if (!forgotten) return;
    parts_.erase(number);
    on_change_();
  };
  return user;
}

void X11Idle::set_idle_after(std::chrono::milliseconds idle_after) {
  idle_after_ = idle_after;
  displays_.wake();
}

asio::awaitable<Result<void>> X11Idle::follow(int number, X11Connection& x) {
  const Error no_counter(ErrorCode::unsupported, "the X server does not count the time without input");
  if (!x.has(&xcb_sync_id)) co_return no_counter;
  const auto version = xcb_sync_initialize(x.get(), 3, 1);
  const auto spoken = co_await x.reply<xcb_sync_initialize_reply_t>(version.sequence);
  if (!spoken) co_return spoken.error();
  const auto asked = xcb_sync_list_system_counters(x.get());
  const auto counters = co_await x.reply<xcb_sync_list_system_counters_reply_t>(asked.sequence);
  if (!counters) co_return counters.error();
  const auto counter = find_idle_counter(counters->get());
  if (!counter) co_return no_counter;
  const xcb_sync_alarm_t alarm = xcb_generate_id(x.get());
  bool made = false;
  for (;;) {
    const auto query = xcb_sync_query_counter(x.get(), *counter);
    const auto value = co_await x.reply<xcb_sync_query_counter_reply_t>(query.sequence);
    if (!value) co_return value.error();
    const std::chrono::milliseconds without_input(std::max<std::int64_t>(0, from_sync((*value)->counter_value)));
    const auto now = std::chrono::steady_clock::now();
    const bool idle = without_input >= idle_after_;
    set(number, idle ? SourceState::idle : SourceState::active, idle ? now - without_input : now, name(number));
    arm(x, alarm, *counter, idle, idle_after_, !std::exchange(made, true));
    const auto event = co_await x.next_event();
    if (!event) co_return event.error();
  }
}

void X11Idle::set(int number, SourceState state, SteadyTime since, std::string detail) {
  Part& part = parts_[number];
  if (part.state == state && part.detail == detail) return;
  part.state = state;
  part.since = since;
  part.detail = std::move(detail);
  on_change_();
}

SourceReport X11Idle::report() const {
  SourceReport report;
  report.name = "X11";
  report.detail = displays_.nothing();
  for (const auto& [number, part] : parts_)
    add_part(report, part.state, part.since, part.detail);
  return report;
}

}  // namespace gogrid::worker
