// Files that a person names, "-" being standard input. Blocking; the command's thread.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.hpp"
#include "cli/terminal.hpp"

namespace gogrid::cli {

// All of it; more than `limit_bytes` is too_large. The error names the file.
Result<std::string> read_input_file(Terminal& terminal, const std::string& path, std::size_t limit_bytes);

// For people to see.
std::string input_name(const std::string& path);

}  // namespace gogrid::cli
