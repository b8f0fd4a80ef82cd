// Which parts of the machine an engine computes on, as the owner's rules count them. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "worker/engine/device_plan.hpp"
#include "worker/engine/engine_command.hpp"
#include "worker/gpu/gpu.hpp"

namespace gogrid::worker {

// Ids of GPUs, or the engine's names for those whose GPU is not known; "cpu" for one that uses none, or that has layers
// on it. Without a placement it may use all `devices`.
std::set<std::string> parts_of(const ReplicaSpec& spec, const std::vector<EngineDevice>& devices,
                               const std::vector<Gpu>& gpus);

// The same with the ids of GPUs that are named as the engine names them.
std::set<std::string> with_ids(const std::set<std::string>& named, const std::vector<EngineDevice>& devices,
                               const std::vector<Gpu>& gpus);

// Those of `named` that are none of this machine's parts.
std::vector<std::string> unknown_parts(const std::set<std::string>& named, const std::vector<EngineDevice>& devices,
                                       const std::vector<Gpu>& gpus);

}  // namespace gogrid::worker
