// Reads what the kernel says of itself as lines of names and numbers. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gogrid::worker {

// The number after `name` and spaces at a line's beginning: "oom_kill 3", "Pss:   300 kB".
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view name);

}  // namespace gogrid::worker
