// OwnerPolicy: whether this machine may work: what its owner asked for and allows, and what was sensed of it, go in
// with the time, and the reasons to pause come out, in order. Opens nothing and reads no clock. Owned by the worker.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "domain/schedule.hpp"
#include "worker/policy/condition.hpp"
#include "worker/policy/pause.hpp"

namespace gogrid::worker {

// What the owner allows. A sense that is not wanted is not asked for either.
struct OwnerRules {
  bool pause_on_activity = true;
  // Parts ("cpu", a GPU's id) that go on while the owner uses the machine.
  std::set<std::string> work_while_active;
  // When nothing tells whether the owner is there.
  bool work_when_activity_unknown = true;
  domain::Schedule schedule;
  bool work_on_battery = false;
  bool work_on_metered_network = false;
  bool pause_on_full_screen = true;
  // A GPU above it pauses until it is well below; 0: not looked at.
  double max_temperature_c = 0;
};

// What the owner asked for by hand.
struct OwnerPause {
  std::string reason;  // for people; may be empty
  std::optional<SystemTime> until;

  bool operator==(const OwnerPause&) const = default;
};

struct GpuSenses {
  std::optional<double> temperature_c;
  // Others than our engines compute on it, or need the memory.
  bool in_use = false;
  std::string used_by;  // a program; may be empty

  bool operator==(const GpuSenses&) const = default;
};

// As it is sensed now. A sense that does not work, or is not wanted, says nothing.
struct OwnerSenses {
  enum class Activity { unknown, idle, active };
  Activity activity = Activity::unknown;
  // Names of programs.
  std::string exclusive_app;
  std::string full_screen_app;
  bool going_to_sleep = false;
  bool on_battery = false;
  bool metered_network = false;
  bool cpu_busy = false;
  bool memory_short = false;
  bool low_disk = false;
  bool update_pending = false;
  // By id.
  std::map<std::string, GpuSenses> gpus;

  bool operator==(const OwnerSenses&) const = default;
};

// One moment, by each clock that counts.
struct PolicyTime {
  SteadyTime steady;
  SystemTime system;
  domain::WeekTime local;
  // How far the local minute has gone.
  std::chrono::milliseconds into_minute{0};
};

class OwnerPolicy {
 public:
  OwnerPolicy();

  void set_rules(OwnerRules rules) { rules_ = std::move(rules); }
  const OwnerRules& rules() const { return rules_; }
  void set_owner_pause(std::optional<OwnerPause> pause) { owner_pause_ = std::move(pause); }
  const std::optional<OwnerPause>& owner_pause() const { return owner_pause_; }
  void sense(OwnerSenses senses, SteadyTime now);

  // Every reason that holds, in the order of the codes; of one code, the machine before its parts. Time must not go
  // back.
  std::vector<Pause> pauses(const PolicyTime& now);
  // When the reasons change by themselves; nullopt: not before something is said.
  std::optional<SteadyTime> next_change(const PolicyTime& now);

 private:
  struct GpuConditions {
    Condition hot;
    Condition in_use;
  };
  void see(PauseCode code, bool value, SteadyTime now) { conditions_.at(code).see(value, now); }
  bool holds(PauseCode code, SteadyTime now) { return conditions_.at(code).holds(now); }
  void sense_gpus(SteadyTime now);
  void add_decided(std::vector<Pause>& pauses, const PolicyTime& now);
  void add_presence(std::vector<Pause>& pauses, SteadyTime now);
  void add_sensed(std::vector<Pause>& pauses, SteadyTime now);
  void add_gpus(std::vector<Pause>& pauses, PauseCode code, SteadyTime now);

  OwnerRules rules_;
  std::optional<OwnerPause> owner_pause_;
  OwnerSenses senses_;
  // What is sensed of the whole machine and needs to last.
  std::map<PauseCode, Condition> conditions_;
  std::map<std::string, GpuConditions> gpus_;
};

// Whether it stops this part ("cpu", a GPU's id).
bool stops_part(const Pause& pause, std::string_view part);

// Of those that stop something, the one that says how: the first, but one that waits for nothing before the others.
// Null: none does.
const Pause* strictest(const std::vector<Pause>& pauses, const std::function<bool(const Pause&)>& stops,
                       const std::function<bool(const Pause&)>& may_finish);
// The first that stops the whole machine, without exception; null: none does.
const Pause* machine_pause(const std::vector<Pause>& pauses);

}  // namespace gogrid::worker
