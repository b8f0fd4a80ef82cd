// Texts as PostgreSQL can hold them: it takes no zero byte and nothing but UTF-8. What else there is becomes U+0001 and
// two hexadecimal digits, one form for each text, so that equal texts stay equal. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gogrid::store {

// nullopt when `text` can stay as it is, which nearly all can.
std::optional<std::string> to_postgres_text(std::string_view text);
std::string from_postgres_text(std::string_view stored);

}  // namespace gogrid::store
