// JoinToken: what `gogrid token create` prints and `gogrid-worker join` takes: ggj_<id>.<secret>.<pin>. The pin is the
// SHA-256 of the coordinator's authority's public key, so that the first contact is already authenticated. Values, any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace gogrid {

struct JoinToken {
  std::string id;             // 16 lower-case hexadecimal digits
  std::string secret;         // 43 characters of base64url: 32 bytes
  std::string authority_pin;  // 64 lower-case hexadecimal digits: SHA-256 of the authority's SubjectPublicKeyInfo

  // A token with a new id and secret.
  static JoinToken create(std::string authority_pin);
  // White space around the text is ignored. The error says what is wrong with it, and never repeats it.
  static Result<JoinToken> parse(std::string_view text);

  std::string text() const;
  // The part that the coordinator is shown, "<id>.<secret>".
  std::string credential() const;

  friend bool operator==(const JoinToken&, const JoinToken&) = default;
};

}  // namespace gogrid
