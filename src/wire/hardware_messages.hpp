// The coordinator's reading of what workers say of their hardware, with bounds on all of it. Pure functions, any
// thread.
#pragma once

#include <cstdint>
#include <string>

#include "domain/hardware.hpp"

namespace gogrid::wire {

class Hardware;
class HardwareReading;

// In Hello.features: the worker knows WatchHardware.
inline constexpr const char* feature_hardware_readings = "hardware-readings";

// Of a worker's; what is over is left out.
inline constexpr int max_gpus = 64;

// Texts are cut, numbers too large to be meant are the largest; a number that is none (NaN) is not known.
domain::Hardware to_hardware(const Hardware& hardware);
domain::HardwareReading to_reading(const HardwareReading& reading);

// CoordinatorFrame{watch_hardware} with its length.
std::string encode_watch_hardware(std::uint32_t seconds);

}  // namespace gogrid::wire
