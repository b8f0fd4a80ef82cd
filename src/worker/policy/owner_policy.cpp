#include "worker/policy/owner_policy.hpp"

#include <algorithm>
#include <cmath>

namespace gogrid::worker {
namespace {

using namespace std::chrono_literals;

// A GPU that was too hot has to cool down by that much.
constexpr double cool_down_c = 5;

Pause of_machine(PauseCode code, std::string text, std::string text_for_others) {
  Pause pause;
  pause.code = code;
  pause.text = std::move(text);
  pause.text_for_others = std::move(text_for_others);
  return pause;
}

std::string degrees(double celsius) { return std::to_string(std::lround(celsius)) + " °C"; }

// How long it takes until the schedule says something else.
std::optional<std::chrono::milliseconds> until_schedule_changes(const domain::Schedule& schedule,
                                                                const PolicyTime& now) {
  const auto minutes = schedule.minutes_to_change(now.local);
  if (!minutes) return std::nullopt;
  return std::max<std::chrono::milliseconds>(std::chrono::minutes(*minutes) - now.into_minute, 0ms);
}

bool runs_now(const OwnerPause& pause, SystemTime now) { return !pause.until || now < *pause.until; }

}  // namespace

// How long what is sensed has to last. What the owner notices counts at once; what flickers by nature, such as load,
// does not, and work comes back late rather than twice. That the owner is away was waited for already (IdleWatch).
OwnerPolicy::OwnerPolicy()
    : conditions_{
          {PauseCode::going_to_sleep, {0s, 0s}},   {PauseCode::update_pending, {0s, 0s}},
          {PauseCode::on_battery, {0s, 10s}},      {PauseCode::user_active, {0s, 0s}},
          {PauseCode::exclusive_app, {0s, 10s}},   {PauseCode::full_screen, {0s, 10s}},
          {PauseCode::cpu_busy, {10s, 60s}},       {PauseCode::memory_short, {0s, 120s}},
          {PauseCode::metered_network, {0s, 10s}}, {PauseCode::low_disk, {0s, 60s}},
          {PauseCode::activity_unknown, {5s, 0s}},
      } {}

void OwnerPolicy::sense(OwnerSenses senses, SteadyTime now) {
  using Activity = OwnerSenses::Activity;
  see(PauseCode::going_to_sleep, senses.going_to_sleep, now);
  see(PauseCode::update_pending, senses.update_pending, now);
  see(PauseCode::on_battery, senses.on_battery, now);
  see(PauseCode::user_active, senses.activity == Activity::active, now);
  see(PauseCode::activity_unknown, senses.activity == Activity::unknown, now);
  see(PauseCode::exclusive_app, !senses.exclusive_app.empty(), now);
  see(PauseCode::full_screen, !senses.full_screen_app.empty(), now);
  see(PauseCode::cpu_busy, senses.cpu_busy, now);
  see(PauseCode::memory_short, senses.memory_short, now);
  see(PauseCode::metered_network, senses.metered_network, now);
  see(PauseCode::low_disk, senses.low_disk, now);
  // A reason that still holds keeps its name.
  if (senses.exclusive_app.empty()) senses.exclusive_app = std::move(senses_.exclusive_app);
  if (senses.full_screen_app.empty()) senses.full_screen_app = std::move(senses_.full_screen_app);
  for (auto& [id, gpu] : senses.gpus) {
    const auto before = senses_.gpus.find(id);
    if (gpu.used_by.empty() && before != senses_.gpus.end()) gpu.used_by = before->second.used_by;
  }
  senses_ = std::move(senses);
  sense_gpus(now);
}

void OwnerPolicy::sense_gpus(SteadyTime now) {
  for (const auto& [id, gpu] : senses_.gpus) {
    auto& conditions = gpus_.try_emplace(id, GpuConditions{Condition(0s, 60s), Condition(12s, 30s)}).first->second;
    conditions.in_use.see(gpu.in_use, now);
    if (!gpu.temperature_c || rules_.max_temperature_c <= 0) {
      conditions.hot.see(false, now);
    } else if (*gpu.temperature_c >= rules_.max_temperature_c) {
      conditions.hot.see(true, now);
    } else if (*gpu.temperature_c <= rules_.max_temperature_c - cool_down_c) {
      conditions.hot.see(false, now);
    }
  }
  // One that is gone stops nothing.
  std::erase_if(gpus_, [&](const auto& entry) { return !senses_.gpus.contains(entry.first); });
}

std::vector<Pause> OwnerPolicy::pauses(const PolicyTime& now) {
  std::vector<Pause> pauses;
  add_decided(pauses, now);
  if (!rules_.work_on_battery && holds(PauseCode::on_battery, now.steady)) {
    pauses.push_back(of_machine(PauseCode::on_battery, "the computer runs on battery", "it runs on battery"));
  }
  add_gpus(pauses, PauseCode::too_hot, now.steady);
  add_presence(pauses, now.steady);
  add_gpus(pauses, PauseCode::gpu_in_use, now.steady);
  add_sensed(pauses, now.steady);
  return pauses;
}

void OwnerPolicy::add_decided(std::vector<Pause>& pauses, const PolicyTime& now) {
  if (owner_pause_ && runs_now(*owner_pause_, now.system)) {
    const std::string& reason = owner_pause_->reason;
    pauses.push_back(of_machine(PauseCode::by_owner, reason.empty() ? "you paused it" : reason,
                                reason.empty() ? "paused by its owner" : reason));
    pauses.back().until = owner_pause_->until;
  }
  if (holds(PauseCode::going_to_sleep, now.steady)) {
    pauses.push_back(of_machine(PauseCode::going_to_sleep, "the computer is going to sleep", "it is going to sleep"));
  }
  if (holds(PauseCode::update_pending, now.steady)) {
    const std::string text = "an update is about to be installed";
    pauses.push_back(of_machine(PauseCode::update_pending, text, text));
  }
  if (rules_.schedule.never()) {
    pauses.push_back(
        of_machine(PauseCode::outside_schedule, "the schedule never allows work", "its schedule never allows work"));
  } else if (!rules_.schedule.allows(now.local)) {
    pauses.push_back(of_machine(PauseCode::outside_schedule, "outside the hours of the schedule",
                                "outside the hours of its schedule"));
    if (const auto left = until_schedule_changes(rules_.schedule, now))
      pauses.back().until = std::chrono::time_point_cast<std::chrono::seconds>(now.system + *left);
  }
}

void OwnerPolicy::add_presence(std::vector<Pause>& pauses, SteadyTime now) {
  const auto add = [&](PauseCode code, std::string text, std::string text_for_others) {
    pauses.push_back(of_machine(code, std::move(text), std::move(text_for_others)));
    pauses.back().except = rules_.work_while_active;
  };
  if (rules_.pause_on_activity && holds(PauseCode::user_active, now))
    add(PauseCode::user_active, "you are using the computer", "its owner is using it");
  if (holds(PauseCode::exclusive_app, now))
    add(PauseCode::exclusive_app, senses_.exclusive_app + " is running", "its owner is using it");
  if (rules_.pause_on_full_screen && holds(PauseCode::full_screen, now))
    add(PauseCode::full_screen, senses_.full_screen_app + " fills the screen", "its owner is using it");
}

void OwnerPolicy::add_gpus(std::vector<Pause>& pauses, PauseCode code, SteadyTime now) {
  const bool heat = code == PauseCode::too_hot;
  for (auto& [id, conditions] : gpus_) {
    if (!(heat ? conditions.hot : conditions.in_use).holds(now)) continue;
    const GpuSenses& gpu = senses_.gpus.at(id);
    Pause pause;
    if (heat) {
      // Not how hot it is: each degree would be news.
      const std::string text = "the GPU is too hot (it may have " + degrees(rules_.max_temperature_c) + ")";
      pause = of_machine(code, text, text);
    } else {
      pause = of_machine(code, (gpu.used_by.empty() ? "another program" : gpu.used_by) + " is using the GPU",
                         "its owner is using the GPU");
    }
    pause.part = id;
    pauses.push_back(std::move(pause));
  }
}

void OwnerPolicy::add_sensed(std::vector<Pause>& pauses, SteadyTime now) {
  if (holds(PauseCode::cpu_busy, now)) {
    pauses.push_back(of_machine(PauseCode::cpu_busy, "other programs need the processor", "its owner is using it"));
    pauses.back().part = cpu_part;
  }
  if (holds(PauseCode::memory_short, now))
    pauses.push_back(of_machine(PauseCode::memory_short, "other programs need the memory", "its memory is short"));
  if (!rules_.work_on_metered_network && holds(PauseCode::metered_network, now)) {
    pauses.push_back(
        of_machine(PauseCode::metered_network, "the network connection is metered", "its network is metered"));
  }
  if (holds(PauseCode::low_disk, now))
    pauses.push_back(of_machine(PauseCode::low_disk, "the disk is almost full", "its disk is almost full"));
  const bool needs_activity = rules_.pause_on_activity && !rules_.work_when_activity_unknown;
  if (needs_activity && holds(PauseCode::activity_unknown, now)) {
    pauses.push_back(of_machine(PauseCode::activity_unknown, "nothing tells whether you are using the computer",
                                "it cannot tell whether its owner is using it"));
    pauses.back().except = rules_.work_while_active;
  }
}

std::optional<SteadyTime> OwnerPolicy::next_change(const PolicyTime& now) {
  std::optional<SteadyTime> next;
  const auto consider = [&](std::optional<SteadyTime> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (auto& [code, condition] : conditions_) {
    condition.holds(now.steady);
    consider(condition.changes_at());
  }
  for (auto& [id, conditions] : gpus_) {
    for (Condition* condition : {&conditions.hot, &conditions.in_use}) {
      condition->holds(now.steady);
      consider(condition->changes_at());
    }
  }
  if (owner_pause_ && owner_pause_->until && now.system < *owner_pause_->until)
    consider(now.steady + std::chrono::duration_cast<SteadyTime::duration>(*owner_pause_->until - now.system));
  if (const auto left = until_schedule_changes(rules_.schedule, now)) consider(now.steady + *left);
  return next;
}

bool stops_part(const Pause& pause, std::string_view part) {
  return pause.part.empty() ? !pause.except.contains(std::string(part)) : pause.part == part;
}

const Pause* machine_pause(const std::vector<Pause>& pauses) {
  const auto found = std::find_if(pauses.begin(), pauses.end(),
                                  [](const Pause& pause) { return pause.part.empty() && pause.except.empty(); });
  return found == pauses.end() ? nullptr : &*found;
}

const Pause* strictest(const std::vector<Pause>& pauses, const std::function<bool(const Pause&)>& stops,
                       const std::function<bool(const Pause&)>& may_finish) {
  const Pause* first = nullptr;
  for (const Pause& pause : pauses) {
    if ((first != nullptr && may_finish(pause)) || !stops(pause)) continue;
    if (first == nullptr || may_finish(*first)) first = &pause;
  }
  return first;
}

}  // namespace gogrid::worker
