// Small files of /sys and /proc: a number or a line, bounded; what is missing or strange is nullopt or "". Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/number.hpp"

namespace gogrid::worker {

inline constexpr std::size_t max_fact_bytes = 4096;
// Of a directory; those of /sys and /proc that matter here have fewer.
inline constexpr std::size_t max_directory_entries = 65536;

inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

// The whole file without white space around it.
inline std::string read_fact(const std::filesystem::path& path) {
  const auto text = read_file(path, max_fact_bytes);
  return text ? std::string(trimmed(*text)) : "";
}

template <class Number = std::uint64_t>
std::optional<Number> read_number(const std::filesystem::path& path) {
  return parse_number<Number>(read_fact(path));
}

// "0x1002" → "1002"
inline std::string read_hexadecimal(const std::filesystem::path& path) {
  const std::string text = read_fact(path);
  return text.starts_with("0x") ? text.substr(2, 8) : "";
}

// The last part of what a link points at; empty when there is none.
inline std::string link_name(const std::filesystem::path& path) {
  std::error_code error;
  const auto target = std::filesystem::read_symlink(path, error);
  return error ? "" : target.filename().string();
}

inline bool is_numbered(std::string_view name, std::string_view prefix) {
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos;
}

// Sorted, so that every look finds the same order.
std::vector<std::string> names_in(const std::filesystem::path& directory);

}  // namespace gogrid::worker
