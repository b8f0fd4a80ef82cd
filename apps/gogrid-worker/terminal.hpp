// Questions to a person at a terminal. Blocking; start-up only.
#pragma once

#include <optional>
#include <string>

namespace gogrid::worker_app {

// Both ends are a terminal: somebody can be asked.
bool can_ask();
// The answer, or `fallback` for an empty one; nullopt at the end of input. A secret is not shown while it is typed.
std::optional<std::string> ask(const std::string& question, const std::string& fallback, bool secret = false);
// The first line of standard input, at most 4096 bytes.
std::string read_line_from_input();

}  // namespace gogrid::worker_app
