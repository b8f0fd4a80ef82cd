// JSON for scripts: the server's own text, indented, its members in the server's order. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace gogrid::cli {

// Ends with a newline. What could steer a terminal is escaped. Text that is not JSON is given back as it is.
std::string pretty_json(std::string_view text);

// {"name": value} for answers that have no body of their own; both as JSON strings.
std::string json_object(std::string_view name, std::string_view value);

}  // namespace gogrid::cli
