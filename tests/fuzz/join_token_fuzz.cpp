// A join token that is accepted says the same again, and means what it said.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "domain/join_token.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto token = gogrid::JoinToken::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!token) return 0;
  const auto again = gogrid::JoinToken::parse(token->text());
  if (!again || *again != *token) std::abort();
  return 0;
}
