#include "store/postgres/text.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "base/utf8.hpp"

namespace gogrid::store {
namespace {

constexpr char escape = 1;

bool needs_escape(char byte) { return byte == 0 || byte == escape; }

}  // namespace

std::optional<std::string> to_postgres_text(std::string_view text) {
  if (is_utf8(text) && std::none_of(text.begin(), text.end(), needs_escape)) return std::nullopt;
  std::string stored;
  while (!text.empty()) {
    const std::size_t good = decode_utf8(text).bytes;
    if (good == 0 || needs_escape(text.front())) {
      stored += escape + to_hex(as_bytes(text.substr(0, 1)));
      text.remove_prefix(1);
    } else {
      stored += text.substr(0, good);
      text.remove_prefix(good);
    }
  }
  return stored;
}

std::string from_postgres_text(std::string_view stored) {
  constexpr std::size_t digits = 2;
  std::string text;
  for (;;) {
    const auto at = stored.find(escape);
    text += stored.substr(0, at);
    if (at == std::string_view::npos) return text;
    stored.remove_prefix(at + 1);
    text += from_hex(stored.substr(0, digits)).value_or("");
    stored.remove_prefix(std::min(digits, stored.size()));
  }
}

}  // namespace gogrid::store
