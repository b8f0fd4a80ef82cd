#include "cli/input_file.hpp"

#include "base/file.hpp"

namespace gogrid::cli {

Result<std::string> read_input_file(Terminal& terminal, const std::string& path, std::size_t limit_bytes) {
  if (path == "-") return terminal.read_input(limit_bytes);
  auto text = read_file(path, limit_bytes);
  // Exit code 5 is for what the coordinator does not have.
  if (!text && text.error().code == ErrorCode::not_found)
    return Error(ErrorCode::invalid_argument, text.error().detail);
  return text;
}

std::string input_name(const std::string& path) { return path == "-" ? "standard input" : path; }

}  // namespace gogrid::cli
