// What webhooks go by: where one may be sent, how it is signed (https://www.standardwebhooks.com), when it is tried
// again. Each API key has a secret of its own, derived from one that the data directory holds. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace gogrid::coordinator {

struct WebhookTarget {
  bool tls = true;
  // A name or an address, without brackets.
  std::string host;
  std::uint16_t port = 443;
  // Path and query.
  std::string target;
  // For the Host header.
  std::string authority;
};

// invalid_argument says what is wrong with it. Without `allow_private` it must be https, and an address in it must be a
// public one; what a name resolves to is checked when it is connected to.
Result<WebhookTarget> parse_webhook_url(std::string_view url, bool allow_private);
Result<void> check_webhook_url(std::string_view url, bool allow_private);

class WebhookSecrets {
 public:
  explicit WebhookSecrets(std::string root) : root_(std::move(root)) {}
  // Reads the file, or makes it when it is not there. Blocking.
  static Result<WebhookSecrets> load(const std::filesystem::path& file);

  // The key's, as its owner needs it to verify: "whsec_" and base64.
  std::string shown(std::string_view key_id) const;
  // The header webhook-signature: "v1,…".
  std::string sign(std::string_view key_id, std::string_view id, std::int64_t timestamp,
                   std::string_view payload) const;

 private:
  std::string secret_of(std::string_view key_id) const;

  std::string root_;
};

// Between the try number `attempts`, from 1, and the next one; nullopt: three days are over, no more.
std::optional<std::chrono::seconds> webhook_pause(unsigned attempts);

}  // namespace gogrid::coordinator
