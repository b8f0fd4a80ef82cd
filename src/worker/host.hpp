// Facts about this machine that the coordinator shows. Any thread.
#pragma once

#include <cstdint>
#include <string>

namespace gogrid::worker {

// "AMD Ryzen 7 5800X"; empty when the system does not say.
std::string cpu_name();
// Of those this process may use.
std::uint32_t cpu_threads();
std::string host_name();

}  // namespace gogrid::worker
