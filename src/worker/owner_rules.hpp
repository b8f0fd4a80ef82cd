// The owner's rules as the configuration says them. Pure.
#pragma once

#include "base/result.hpp"
#include "worker/config.hpp"
#include "worker/policy/owner_policy.hpp"

namespace gogrid::worker {

// The error names the setting, worker.schedule, and what is wrong with it.
Result<OwnerRules> read_owner_rules(const WorkerConfig& config);
// Of a configuration that was checked.
OwnerRules owner_rules(const WorkerConfig& config);

}  // namespace gogrid::worker
