// Which of the machine's GPUs each of the engine's devices is: the engine says names only. Pure.
#pragma once

#include <string>
#include <vector>

#include "worker/engine/device_plan.hpp"
#include "worker/gpu/gpu.hpp"

namespace gogrid::worker {

// Ids of `gpus`, one for each of `devices` and each once; empty where it cannot be said. GPUs of one name are taken in
// the order of their addresses, in which drivers count them.
std::vector<std::string> match_gpus(const std::vector<EngineDevice>& devices, const std::vector<Gpu>& gpus);

}  // namespace gogrid::worker
