// Which of the machine's GPUs each of the engine's devices is: the engine says names only. And what drivers say that
// processes have of them. Pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "worker/engine/device_plan.hpp"
#include "worker/gpu/gpu.hpp"

namespace gogrid::worker {

// Ids of `gpus`, one for each of `devices` and each once; empty where it cannot be said. GPUs of one name are taken in
// the order of their addresses, in which drivers count them.
std::vector<std::string> match_gpus(const std::vector<EngineDevice>& devices, const std::vector<Gpu>& gpus);

// By the devices' names; a device of which nothing is said is left out.
std::map<std::string, std::uint64_t> bytes_of_processes(const std::vector<pid_t>& processes,
                                                        const std::vector<EngineDevice>& devices,
                                                        const std::vector<Gpu>& gpus);

}  // namespace gogrid::worker
