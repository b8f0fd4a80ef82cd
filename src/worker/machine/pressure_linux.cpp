#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <utility>

#include "base/file.hpp"
#include "worker/facts_file.hpp"
#include "worker/machine/pressure.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

namespace fs = std::filesystem;

// A multiple of 2 s is what the kernel allows everybody (Linux 6.5); others need a privilege.
constexpr std::chrono::microseconds trigger_window{2'000'000};
constexpr std::string_view own_groups = "gogrid-";
constexpr std::size_t max_groups = 1024;
constexpr std::string_view no_group =
    "it cannot be told apart from that of the engines, which have no control group of their own here";

fs::path machine_file(const fs::path& root, PressureKind kind) { return root / "proc/pressure" / to_string(kind); }

std::chrono::microseconds since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
}

std::string file_name(PressureKind kind) { return std::string(to_string(kind)) + ".pressure"; }

// What the kernel is asked to tell of; the error says why it does not.
Result<FileDescriptor> open_trigger(const fs::path& file, double percent) {
  auto descriptor = open_file(file, O_RDWR | O_NONBLOCK);
  if (!descriptor) return descriptor;
  const auto stalled =
      std::clamp<std::int64_t>(static_cast<std::int64_t>(percent / 100 * static_cast<double>(trigger_window.count())),
                               1000, trigger_window.count());
  // Its end is a NUL.
  const std::string text = fmt::format("some {} {}", stalled, trigger_window.count());
  if (::write(descriptor->get(), text.c_str(), text.size() + 1) < 0) return system_error(file.string(), errno);
  return descriptor;
}

}  // namespace

// One kind's, from start() to stop(); its coroutine keeps it for as long as it needs it.
struct Pressure::Watch {
  Watch(asio::any_io_executor executor, PressureKind its_kind) : kind(its_kind), trigger(executor), pause(executor) {}

  void stop() {
    stopped = true;
    boost::system::error_code ignored;
    trigger.close(ignored);
    pause.cancel();
  }

  const PressureKind kind;
  asio::posix::stream_descriptor trigger;
  asio::steady_timer pause;
  bool stopped = false;
};

std::map<std::string, std::uint64_t> read_other_groups(const fs::path& engines_group, PressureKind kind) {
  std::map<std::string, std::uint64_t> totals;
  fs::path below = engines_group;
  // The root is the last one that has this file.
  for (fs::path group = below.parent_path(); fs::exists(group / "cgroup.procs"); group = group.parent_path()) {
    for (const std::string& name : names_in(group)) {
      if (totals.size() >= max_groups) return totals;
      if (name == below.filename() || (group == engines_group.parent_path() && name.starts_with(own_groups))) continue;
      const auto total = parse_pressure(read_fact(group / name / file_name(kind)));
      if (total) totals.emplace((group / name).string(), *total);
    }
    below = group;
    if (!group.has_relative_path()) break;
  }
  return totals;
}

Pressure::Pressure(asio::any_io_executor executor, PressureOptions options, std::function<void()> on_change)
    : executor_(executor), options_(std::move(options)), on_change_(std::move(on_change)), tasks_(executor) {}

Pressure::~Pressure() { stop(); }

void Pressure::start() {
  for (const PressureKind kind : pressure_kinds) {
    auto& place = watches_[static_cast<std::size_t>(kind)];
    if (place) continue;
    place = std::make_shared<Watch>(executor_, kind);
    tasks_.spawn("pressure", watch(place));
  }
  tell_what_is_not_told_apart();
}

void Pressure::stop() {
  for (auto& place : watches_) {
    if (place) std::exchange(place, nullptr)->stop();
  }
  levels_ = {};
}

asio::awaitable<void> Pressure::stopped() { co_await tasks_.wait(); }

void Pressure::set_level(const Watch& watch, PressureLevel level) {
  if (watch.stopped) return;
  PressureLevel& old = levels_[static_cast<std::size_t>(watch.kind)];
  const bool news = old.high != level.high || old.trouble != level.trouble;
  old = std::move(level);
  if (news) on_change_();
}

void Pressure::set_engines_running(bool running) {
  engines_running_ = running;
  tell_what_is_not_told_apart();
}

// At once, and not only when somebody waits.
void Pressure::tell_what_is_not_told_apart() {
  for (const auto& watch : watches_) {
    if (!watch) continue;
    const std::string& trouble = level(watch->kind).trouble;
    PressureLevel now;
    if (!is_told_apart(*watch) && trouble.empty()) {
      now.trouble = no_group;
    } else if (!is_told_apart(*watch) || trouble != no_group) {
      continue;
    }
    set_level(*watch, std::move(now));
  }
}

bool Pressure::is_told_apart(const Watch& watch) const {
  return watch.kind == PressureKind::memory || !engines_running_ || !options_.engines_group.empty();
}

std::map<std::string, std::uint64_t> Pressure::read_machine(PressureKind kind) const {
  std::map<std::string, std::uint64_t> totals;
  if (const auto total = parse_pressure(read_fact(machine_file(options_.root, kind)))) totals.emplace("", *total);
  return totals;
}

asio::awaitable<void> Pressure::pause(Watch& watch, std::chrono::milliseconds time) {
  watch.pause.expires_after(time);
  co_await watch.pause.async_wait(asio::as_tuple(asio::use_awaitable));
}

// Completes when it is worth measuring; false: it was stopped. Nobody waits for longer than the machine as a whole.
asio::awaitable<bool> Pressure::somebody_waits(Watch& watch) {
  if (watch.trigger.is_open()) {
    co_await watch.trigger.async_wait(asio::posix::stream_descriptor::wait_error, asio::as_tuple(asio::use_awaitable));
    co_return !watch.stopped;
  }
  while (!watch.stopped) {
    const auto before = read_machine(watch.kind);
    const auto began = std::chrono::steady_clock::now();
    co_await pause(watch, options_.look_pause);
    if (greatest_share(before, read_machine(watch.kind), since(began)) >= high_percent(watch.kind)) break;
  }
  co_return !watch.stopped;
}

asio::awaitable<void> Pressure::watch(std::shared_ptr<Watch> watch) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const PressureKind kind = watch->kind;
  const auto read_totals = [this, kind] {
    std::map<std::string, std::uint64_t> totals;
    if (!options_.engines_group.empty()) totals = read_other_groups(options_.engines_group, kind);
    const bool machine = options_.engines_group.empty() || (totals.empty() && !engines_running_);
    if (machine) totals.merge(read_machine(kind));
    return totals;
  };
  if (watch->stopped) co_return;
  if (read_machine(kind).empty()) {
    PressureLevel unknown;
    unknown.trouble = "the kernel does not measure it: " + machine_file(options_.root, kind).string() +
                      " cannot be read (Linux 4.20 and newer has it, some only when started with psi=1)";
    set_level(*watch, std::move(unknown));
    co_return;
  }
  Result<FileDescriptor> trigger = Error(ErrorCode::unsupported, "the kernel was not asked");
  if (options_.use_triggers) trigger = open_trigger(machine_file(options_.root, kind), high_percent(kind));
  if (trigger) watch->trigger.assign(trigger->release());
  while (!watch->stopped) {
    if (!level(kind).high && !co_await somebody_waits(*watch)) break;
    PressureLevel measured;
    const bool told_apart = is_told_apart(*watch);
    const auto before = read_totals();
    const auto began = std::chrono::steady_clock::now();
    co_await pause(*watch, options_.window);
    if (watch->stopped) break;
    if (told_apart && is_told_apart(*watch)) {
      measured.percent = greatest_share(before, read_totals(), since(began));
      measured.high = *measured.percent >= high_percent(kind);
    } else {
      measured.trouble = no_group;
    }
    set_level(*watch, std::move(measured));
  }
}

}  // namespace gogrid::worker
