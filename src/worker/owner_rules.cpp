#include "worker/owner_rules.hpp"

namespace gogrid::worker {

Result<OwnerRules> read_owner_rules(const WorkerConfig& config) {
  OwnerRules rules;
  auto schedule = domain::Schedule::parse(config.schedule);
  if (!schedule) return Error(schedule.error().code, "worker.schedule: " + schedule.error().detail);
  rules.schedule = *schedule;
  rules.pause_on_activity = config.pause_on_activity;
  rules.work_while_active.insert(config.work_while_active.begin(), config.work_while_active.end());
  rules.work_when_activity_unknown = config.when_activity_unknown == "work";
  rules.work_on_battery = config.on_battery == "work";
  rules.work_on_metered_network = config.on_metered_network == "work";
  rules.pause_on_full_screen = config.pause_on_full_screen;
  rules.max_temperature_c = config.max_temperature_c;
  return rules;
}

OwnerRules owner_rules(const WorkerConfig& config) {
  auto rules = read_owner_rules(config);
  return rules ? std::move(*rules) : OwnerRules();
}

}  // namespace gogrid::worker
