// Pressure: whether programs of others wait for the processors or for memory, as the kernel measures it
// (PSI, https://docs.kernel.org/accounting/psi.html). Nothing wakes up before somebody waits, where the kernel may be
// asked to tell. Event loop thread.
//
// Engines run at the lowest priority on all processors: wherever the owner's programs run too, they wait, and the
// machine's figure says nothing of the owner. That figure less the engines' own does not either: a moment in which both
// wait is in both. So what counts is the greatest figure among the control groups beside the worker's, up to the root:
// each is one program's or service's own. Where the engines have no control group (version 2) of their own, the
// machine's figure for processors counts only while no engine runs; that for memory always, as a machine that is short
// of it is short for everybody.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/task_group.hpp"

namespace gogrid::worker {

enum class PressureKind { cpu, memory };
inline constexpr std::array<PressureKind, 2> pressure_kinds = {PressureKind::cpu, PressureKind::memory};
// "cpu", as the kernel's files have it.
std::string_view to_string(PressureKind kind);

struct PressureOptions {
  std::filesystem::path root = "/";
  // The control group of version 2 that holds the engines, below `root`; empty: there is none.
  std::filesystem::path engines_group;
  // From how much of the time on, in which at least one task waited, it is high: in the order of PressureKind.
  std::array<double, 2> high_percent = {40, 10};
  // Ask the kernel to tell.
  bool use_triggers = true;
  // How long it is measured for each time.
  std::chrono::milliseconds window{1000};
  // Between two looks at the machine's figure where the kernel does not tell.
  std::chrono::milliseconds look_pause{5000};
};

struct PressureLevel {
  // Of the window that was measured last; nullopt: nobody waited long enough to be measured, or it is not known.
  std::optional<double> percent;
  bool high = false;
  // Why it is not known; empty: it is.
  std::string trouble;

  bool operator==(const PressureLevel&) const = default;
};

class Pressure {
 public:
  // `on_change`: a level became high or is not any more, or is known or is not any more.
  Pressure(boost::asio::any_io_executor executor, PressureOptions options, std::function<void()> on_change);
  ~Pressure();

  // Both may be called again and again.
  void start();
  void stop();
  // After stop().
  boost::asio::awaitable<void> stopped();

  void set_engines_running(bool running);
  // Nothing is high while it is stopped.
  const PressureLevel& level(PressureKind kind) const { return levels_[static_cast<std::size_t>(kind)]; }

 private:
  struct Watch;
  boost::asio::awaitable<void> watch(std::shared_ptr<Watch> watch);
  boost::asio::awaitable<bool> somebody_waits(Watch& watch);
  boost::asio::awaitable<void> pause(Watch& watch, std::chrono::milliseconds time);
  double high_percent(PressureKind kind) const { return options_.high_percent[static_cast<std::size_t>(kind)]; }
  std::map<std::string, std::uint64_t> read_machine(PressureKind kind) const;
  void set_level(const Watch& watch, PressureLevel level);
  bool is_told_apart(const Watch& watch) const;
  void tell_what_is_not_told_apart();

  boost::asio::any_io_executor executor_;
  PressureOptions options_;
  std::function<void()> on_change_;
  std::array<PressureLevel, pressure_kinds.size()> levels_;
  std::array<std::shared_ptr<Watch>, pressure_kinds.size()> watches_;
  bool engines_running_ = false;
  TaskGroup tasks_;
};

// For how many microseconds since it began at least one task waited: the "some" line of a file of the kernel's
// ("some avg10=0.00 avg60=0.00 avg300=0.00 total=1234"); nullopt when it has none.
std::optional<std::uint64_t> parse_pressure(std::string_view text);

// The same of all control groups that are neither the engines' nor lie above it, nor are the worker's own beside it.
std::map<std::string, std::uint64_t> read_other_groups(const std::filesystem::path& engines_group, PressureKind kind);

// The greatest share of `elapsed`, in percent, that a group waited: of those that are in both.
double greatest_share(const std::map<std::string, std::uint64_t>& before,
                      const std::map<std::string, std::uint64_t>& after, std::chrono::microseconds elapsed);

}  // namespace gogrid::worker
