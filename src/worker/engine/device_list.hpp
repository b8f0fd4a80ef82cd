// What `llama-server --list-devices` prints, read. The engine is a foreign program: everything it says is bounded.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gogrid::worker {

struct ListedDevice {
  std::string name;         // "Vulkan0"
  std::string description;  // "AMD Radeon RX 7900 XTX (RADV NAVI31)"
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;  // at most total_bytes
};

inline constexpr std::size_t max_engine_devices = 64;

// Lines "  NAME: DESCRIPTION (N MiB, N MiB free)", in their order; all others are skipped, as is a name that was there
// before or could not stand in an argument of the engine's.
std::vector<ListedDevice> parse_device_list(std::string_view output);

// Letters, digits, '_', '-' and '.', beginning with one of the first two: what a list with commas can hold.
bool is_device_name(std::string_view name);

}  // namespace gogrid::worker
