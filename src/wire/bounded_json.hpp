// JSON that came from elsewhere, read with a bound on its depth: printing and copying it recurse as deep. Any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace gogrid::wire {

// nullopt when it is not JSON, or nested deeper than `max_depth` arrays and objects.
std::optional<nlohmann::json> read_bounded_json(std::string_view text, int max_depth);

}  // namespace gogrid::wire
