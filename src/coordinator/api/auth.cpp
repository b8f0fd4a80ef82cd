#include "coordinator/api/auth.hpp"

namespace gogrid::coordinator {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view credentials_of(const net::Headers& headers) {
  constexpr std::string_view scheme = "bearer ";
  if (const auto header = headers.get("Authorization")) {
    if (header->size() > scheme.size() && net::equal_ignoring_case(header->substr(0, scheme.size()), scheme)) {
      return trim(header->substr(scheme.size()));
    }
  }
  return trim(headers.get("x-api-key").value_or(std::string_view()));
}

}  // namespace gogrid::coordinator
