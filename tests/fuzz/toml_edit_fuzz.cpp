// An edit adds, replaces or removes one piece of the text and nothing before or after it; the same edit again changes
// nothing; and what was added can be removed. The first byte chooses key and value, the rest is the text.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/toml_edit.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::size_t same_bytes(std::string_view left, std::string_view right) {
  const auto [end, ignored] = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
  return static_cast<std::size_t>(end - left.begin());
}

std::size_t same_bytes_at_end(std::string_view left, std::string_view right) {
  const auto [end, ignored] = std::mismatch(left.rbegin(), left.rend(), right.rbegin(), right.rend());
  return static_cast<std::size_t>(end - left.rbegin());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const char* const keys[] = {"worker.name", "worker.a.b", "name", "w.max"};
  const char* const values[] = {"1", "\"text\"", "[\"a\", \"b\"]", "{ x = 1 }"};
  const std::string_view key = keys[data[0] % 4];
  const std::string value = values[data[0] / 4 % 4];
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);

  const auto set = gogrid::edit_toml(text, key, value);
  const auto removed = gogrid::edit_toml(text, key, std::nullopt);
  if (removed) {
    // One piece is missing.
    require(removed->size() <= text.size());
    require(same_bytes(text, *removed) + same_bytes_at_end(text, *removed) >= removed->size());
    const auto again = gogrid::edit_toml(*removed, key, std::nullopt);
    require(again && *again == *removed);
  }
  if (!set) return 0;
  const bool is_new = removed && *removed == text;
  if (is_new) require(same_bytes(text, *set) + same_bytes_at_end(text, *set) >= text.size());
  if (value.front() == '{') return 0;
  const auto again = gogrid::edit_toml(*set, key, value);
  require(again && *again == *set);
  require(gogrid::edit_toml(*set, key, std::nullopt).has_value());
  return 0;
}
