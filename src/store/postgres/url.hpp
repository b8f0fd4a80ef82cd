// PostgresUrl: where a PostgreSQL database is, and how to speak of it without its password. A value, any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace gogrid::store {

class PostgresUrl {
 public:
  static bool is_one(const std::string& text);
  // The error does not repeat the text, whatever is wrong with it.
  static Result<PostgresUrl> parse(const std::string& text);

  const std::string& text() const { return text_; }
  // Replaces what may be a part of the password by "…".
  std::string without_secrets(std::string message) const;

 private:
  std::string text_;
  std::vector<std::string> secrets_;
};

}  // namespace gogrid::store
