#include "worker/owner_watch.hpp"

#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/utf8.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

constexpr std::size_t max_reason_bytes = 200;
constexpr std::size_t max_file_bytes = 4096;
constexpr int morning_hour = 8;
constexpr std::chrono::hours least_night{3};

// One line that is safe to show.
std::string clean(const std::string& reason) {
  std::string line = valid_utf8(reason, max_reason_bytes);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

// A file that is there but cannot be read is a pause as well.
std::optional<OwnerPause> load_pause(const std::filesystem::path& file) {
  const auto text = read_file(file, max_file_bytes);
  if (!text && text.error().code == ErrorCode::not_found) return std::nullopt;
  OwnerPause pause;
  if (!text) return pause;
  const json stored = json::parse(*text, nullptr, false);
  if (!stored.is_object()) return pause;
  if (const auto reason = stored.find("reason"); reason != stored.end() && reason->is_string())
    pause.reason = clean(reason->get<std::string>());
  if (const auto until = stored.find("until"); until != stored.end() && until->is_number_integer())
    pause.until = from_unix_seconds(until->get<std::int64_t>());
  return pause;
}

Result<void> store_pause(const std::filesystem::path& file, const OwnerPause& pause) {
  const json stored = {{"reason", pause.reason}, {"until", pause.until ? json(to_unix_seconds(*pause.until)) : json()}};
  return write_file_atomically(file, stored.dump(), 0600);
}

std::tm local_time(SystemTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  // Whoever travels changes the time zone.
  ::tzset();
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return parts;
}

PolicyTime policy_time() {
  PolicyTime time;
  time.steady = std::chrono::steady_clock::now();
  time.system = std::chrono::system_clock::now();
  const std::tm local = local_time(time.system);
  constexpr int days = 7;
  // tm_wday counts from Sunday.
  time.local = {(local.tm_wday + days - 1) % days, local.tm_hour * 60 + local.tm_min};
  const auto past = time.system - std::chrono::time_point_cast<std::chrono::minutes>(time.system);
  time.into_minute = std::chrono::duration_cast<std::chrono::milliseconds>(past);
  return time;
}

}  // namespace

SystemTime next_morning(SystemTime now) {
  std::tm parts = local_time(now);
  parts.tm_hour = morning_hour;
  parts.tm_min = 0;
  parts.tm_sec = 0;
  for (;; ++parts.tm_mday) {
    // Whether summer time counts then, it finds out itself.
    parts.tm_isdst = -1;
    std::tm normal = parts;
    const auto morning = std::chrono::system_clock::from_time_t(::mktime(&normal));
    if (morning - now >= least_night) return morning;
  }
}

OwnerWatch::OwnerWatch(asio::any_io_executor executor, std::filesystem::path pause_file, OwnerRules rules,
                       std::function<void()> on_change)
    : pause_file_(std::move(pause_file)), on_change_(std::move(on_change)), timer_(executor), tasks_(executor) {
  policy_.set_rules(std::move(rules));
  policy_.set_owner_pause(load_pause(pause_file_));
  pauses_ = policy_.pauses(policy_time());
}

void OwnerWatch::start() { tasks_.spawn("owner's rules", run()); }

void OwnerWatch::stop() { tasks_.cancel(); }

asio::awaitable<void> OwnerWatch::stopped() { co_await tasks_.wait(); }

asio::awaitable<void> OwnerWatch::run() {
  for (;;) {
    refresh();
    const PolicyTime now = policy_time();
    std::optional<SystemTime> until;
    if (const auto next = policy_.next_change(now))
      until = now.system + std::chrono::duration_cast<SystemTime::duration>(*next - now.steady);
    const domain::Schedule& schedule = policy_.rules().schedule;
    if (!schedule.always() && !schedule.never()) {
      // Local clocks are moved at full and half hours, which nothing tells of.
      constexpr int half_hour = 30;
      const auto look = now.system + std::chrono::minutes(half_hour - now.local.minute % half_hour) - now.into_minute;
      until = std::min(until.value_or(look), look);
    }
    co_await timer_.wait_until(until);
  }
}

void OwnerWatch::refresh() {
  const PolicyTime now = policy_time();
  const auto& asked = policy_.owner_pause();
  if (asked && asked->until && *asked->until <= now.system) {
    policy_.set_owner_pause(std::nullopt);
    ::unlink(pause_file_.c_str());
  }
  auto pauses = policy_.pauses(now);
  if (pauses == pauses_) return;
  pauses_ = std::move(pauses);
  // The owner's programs are named in the state only.
  if (pauses_.empty()) {
    log().info("nothing is in the way of work any more");
  } else {
    log().info("paused: {}", to_string(pauses_.front().code));
  }
  on_change_();
}

void OwnerWatch::changed() {
  refresh();
  timer_.wake();
}

void OwnerWatch::set_rules(OwnerRules rules) {
  policy_.set_rules(std::move(rules));
  changed();
}

void OwnerWatch::sense(OwnerSenses senses) {
  policy_.sense(std::move(senses), std::chrono::steady_clock::now());
  changed();
}

Result<void> OwnerWatch::pause(OwnerPause pause) {
  pause.reason = clean(pause.reason);
  if (pause.until && *pause.until <= std::chrono::system_clock::now())
    return Error(ErrorCode::invalid_argument, "the pause would be over already");
  if (auto stored = store_pause(pause_file_, pause); !stored) return stored;
  policy_.set_owner_pause(std::move(pause));
  changed();
  return {};
}

Result<void> OwnerWatch::resume() {
  if (::unlink(pause_file_.c_str()) != 0 && errno != ENOENT)
    return system_error("cannot resume: " + pause_file_.string(), errno);
  policy_.set_owner_pause(std::nullopt);
  changed();
  return {};
}

}  // namespace gogrid::worker
