// JSON for scripts: the server's own text, indented, its members in the server's order. Any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace gogrid::cli {

// Ends with a newline. What could steer a terminal is escaped. Text that is not JSON is given back as it is.
std::string pretty_json(std::string_view text);

// {"name": value} for answers that have no body of their own; both as JSON strings.
std::string json_object(std::string_view name, std::string_view value);

// JSON in one line, without its end. What could steer a terminal is escaped, wrong bytes become U+FFFD.
std::string compact_json(const nlohmann::ordered_json& value);

// Nested no deeper than requests and answers are; printing what is would recurse as deep. The error says what is wrong.
Result<nlohmann::ordered_json> parse_bounded(std::string_view text);

}  // namespace gogrid::cli
