#include "store/postgres/url.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace gogrid::store {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

// A password whose "@" or "/" was not escaped is torn in pieces, one of which then stands where the host should.
std::vector<std::string> pieces(std::string_view text) {
  constexpr std::size_t shortest = 3;
  std::vector<std::string> found;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of("@/?#:&"), text.size());
    if (end >= shortest) found.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

}  // namespace

bool PostgresUrl::is_one(const std::string& text) {
  return text.starts_with("postgresql://") || text.starts_with("postgres://");
}

Result<PostgresUrl> PostgresUrl::parse(const std::string& text) {
  const Error wrong(ErrorCode::invalid_argument,
                    "store.url is not a PostgreSQL URL, as postgresql://user:password@host:5432/database; special "
                    "characters of the password are written as %40");
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(text.c_str(), &message));
  PQfreemem(message);
  if (!is_one(text) || !options) return wrong;
  PostgresUrl url;
  url.text_ = text;
  for (const PQconninfoOption* option = options.get(); option->keyword; ++option) {
    const bool secret = option->dispchar && *option->dispchar == '*';
    if (secret && option->val && *option->val) url.secrets_.emplace_back(option->val);
  }
  const std::string_view rest = std::string_view(text).substr(text.find("//") + 2);
  const auto at = rest.rfind('@');
  const auto colon = rest.find(':');
  if (at != std::string_view::npos && colon < at) {
    for (std::string& piece : pieces(rest.substr(colon + 1, at - colon - 1)))
      url.secrets_.push_back(std::move(piece));
  }
  // A longer one may hold a shorter one.
  std::sort(url.secrets_.begin(), url.secrets_.end(),
            [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  return url;
}

std::string PostgresUrl::without_secrets(std::string message) const {
  for (const std::string& secret : secrets_) {
    for (auto at = message.find(secret); at != std::string::npos; at = message.find(secret, at + 3))
      message.replace(at, secret.size(), "…");
  }
  return message;
}

}  // namespace gogrid::store
