#include "worker/owner_rules.hpp"

namespace gogrid::worker {

Result<OwnerRules> read_owner_rules(const WorkerConfig& config) {
  OwnerRules rules;
  auto schedule = Schedule::parse(config.schedule);
  if (!schedule) return Error(schedule.error().code, "worker.schedule: " + schedule.error().detail);
  rules.schedule = std::move(*schedule);
  return rules;
}

}  // namespace gogrid::worker
