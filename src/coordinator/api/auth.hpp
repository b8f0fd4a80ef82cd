// Where a request carries its API key. Any thread.
#pragma once

#include <string_view>

#include "net/http.hpp"

namespace gogrid::coordinator {

// The credentials of "Authorization: Bearer …", else those of "x-api-key" (Anthropic's clients); empty: none.
std::string_view credentials_of(const net::Headers& headers);

}  // namespace gogrid::coordinator
