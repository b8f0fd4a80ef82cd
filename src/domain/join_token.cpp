#include "domain/join_token.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace gogrid {
namespace {

constexpr std::string_view prefix = "ggj_";
constexpr std::size_t id_bytes = 8;
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t pin_bytes = 32;

bool is_lower_hex(std::string_view text, std::size_t bytes) {
  return text.size() == 2 * bytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Error malformed(std::string_view what) {
  return Error(ErrorCode::invalid_argument, "this is not a join token: " + std::string(what) +
                                                "; copy the whole line that `gogrid token create` printed");
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view white = " \t\r\n";
  const auto begin = text.find_first_not_of(white);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

}  // namespace

JoinToken JoinToken::create(std::string authority_pin) {
  JoinToken token;
  token.id = to_hex(as_bytes(random_bytes(id_bytes)));
  token.secret = to_base64url(as_bytes(random_bytes(secret_bytes)));
  token.authority_pin = std::move(authority_pin);
  return token;
}

Result<JoinToken> JoinToken::parse(std::string_view text) {
  text = trim(text);
  if (text.empty()) return malformed("it is empty");
  if (!text.starts_with(prefix)) return malformed("it does not begin with \"ggj_\"");
  text.remove_prefix(prefix.size());
  const auto first = text.find('.');
  const auto last = text.rfind('.');
  if (first == std::string_view::npos || first == last) return malformed("a part is missing");
  const std::string_view id = text.substr(0, first);
  const std::string_view secret = text.substr(first + 1, last - first - 1);
  const std::string_view pin = text.substr(last + 1);
  if (!is_lower_hex(id, id_bytes)) return malformed("its first part is damaged");
  const auto decoded = from_base64url(secret);
  // Re-encoding refuses the forms that differ only in the unused last bits.
  if (!decoded || decoded->size() != secret_bytes || to_base64url(as_bytes(*decoded)) != secret) {
    return malformed("its second part is damaged");
  }
  if (!is_lower_hex(pin, pin_bytes)) return malformed("its third part is damaged or cut off");
  JoinToken token;
  token.id = id;
  token.secret = secret;
  token.authority_pin = pin;
  return token;
}

std::string JoinToken::text() const { return std::string(prefix) + credential() + "." + authority_pin; }

std::string JoinToken::credential() const { return id + "." + secret; }

}  // namespace gogrid
