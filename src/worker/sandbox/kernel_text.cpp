#include "worker/sandbox/kernel_text.hpp"

#include <algorithm>
#include <charconv>

namespace gogrid::worker {

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.starts_with(name) || !line.substr(name.size()).starts_with(' ')) continue;
    line.remove_prefix(name.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    std::uint64_t number = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), number).ec != std::errc()) return std::nullopt;
    return number;
  }
  return std::nullopt;
}

}  // namespace gogrid::worker
