// Facts about this machine that the coordinator shows, and what a guest on it should give back. Any thread.
#pragma once

#include <cstdint>
#include <string>

namespace gogrid::worker {

// "AMD Ryzen 7 5800X"; empty when the system does not say.
std::string cpu_name();
// Of those this process may use.
std::uint32_t cpu_threads();
std::string host_name();

// Gives free heap, and the pages of programs and libraries that were only needed to start or to change something, back
// to the system. Code that is used again is mapped again as it runs.
void give_back_memory();

}  // namespace gogrid::worker
