#include "worker/machine/pressure.hpp"

#include <algorithm>

#include "worker/facts_file.hpp"

namespace gogrid::worker {

std::string_view to_string(PressureKind kind) {
  switch (kind) {
    case PressureKind::cpu:
      return "cpu";
    case PressureKind::memory:
      return "memory";
  }
  return "unknown";
}

std::optional<std::uint64_t> parse_pressure(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  if (!line.starts_with("some ")) return std::nullopt;
  constexpr std::string_view key = " total=";
  const auto place = line.find(key);
  if (place == std::string_view::npos) return std::nullopt;
  return parse_number(trimmed(line.substr(place + key.size())));
}

double greatest_share(const std::map<std::string, std::uint64_t>& before,
                      const std::map<std::string, std::uint64_t>& after, std::chrono::microseconds elapsed) {
  if (elapsed.count() <= 0) return 0;
  double greatest = 0;
  for (const auto& [group, total] : after) {
    const auto earlier = before.find(group);
    if (earlier == before.end() || total < earlier->second) continue;
    greatest = std::max(greatest, static_cast<double>(total - earlier->second) / static_cast<double>(elapsed.count()));
  }
  return std::min(100.0, 100.0 * greatest);
}

}  // namespace gogrid::worker
