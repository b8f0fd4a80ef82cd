// Changes one key of a TOML text and leaves everything else as a person wrote it: comments, order, blank lines, line
// ends. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace gogrid {

// Sets `key` ("worker.name": bare names with dots between) to `value`, which is TOML ("8", "\"den\"", "[\"a\"]"), or
// removes it when there is none. A table that is missing is made at the end. invalid_argument says why a text cannot be
// changed: it is no TOML, the key is a table in it, or the change would touch something else as well.
Result<std::string> edit_toml(std::string_view text, std::string_view key, const std::optional<std::string>& value);

}  // namespace gogrid
