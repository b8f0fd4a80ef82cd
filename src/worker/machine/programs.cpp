#include "worker/machine/programs.hpp"

#include <algorithm>

namespace gogrid::worker {
namespace {

// Of the kernel's names.
constexpr std::size_t max_command_bytes = 15;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view name) {
  std::size_t at = 0;
  std::size_t in_name = 0;
  // The last star, and how much of the name it stands for: the shortest that may be is tried first.
  std::optional<std::size_t> star;
  std::size_t star_end = 0;
  while (in_name < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      star_end = in_name;
    } else if (at < pattern.size() && lower(pattern[at]) == lower(name[in_name])) {
      ++at;
      ++in_name;
    } else if (star) {
      at = *star + 1;
      in_name = ++star_end;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

bool matches_program(std::string_view pattern, std::string_view command, std::string_view program) {
  if (pattern.empty()) return false;
  if (!command.empty() && matches_pattern(pattern, command)) return true;
  if (!program.empty()) return matches_pattern(pattern, program);
  // It may be cut off.
  return command.size() == max_command_bytes && matches_pattern(pattern.substr(0, max_command_bytes), command);
}

}  // namespace gogrid::worker
