#include "coordinator/jobs/webhook_rules.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <utility>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/number.hpp"
#include "base/sha256.hpp"
#include "net/http.hpp"
#include "net/public_address.hpp"

namespace gogrid::coordinator {
namespace {

constexpr std::size_t max_url_bytes = 2048;
constexpr std::size_t root_bytes = 32;
constexpr std::chrono::seconds first_pause{5};
constexpr std::chrono::seconds longest_pause = std::chrono::hours(8);
constexpr std::chrono::seconds give_up_after = std::chrono::hours(72);

Error bad_url(std::string what) { return Error(ErrorCode::invalid_argument, "the webhook's URL " + std::move(what)); }

std::string_view last_label(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name.substr(name.rfind('.') + 1);
}

bool is_number(std::string_view label) {
  return label.starts_with("0x") || label.starts_with("0X") ||
         label.find_first_not_of("0123456789") == std::string_view::npos;
}

// Resolvers read "127.1", "0x7f000001" and "2130706433" as addresses: no name ends with a number.
bool is_host_name(std::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
  return plain && name.size() <= 253 && !name.starts_with('.') && name.find("..") == std::string_view::npos &&
         !is_number(last_label(name));
}

bool is_localhost(std::string_view name) { return net::equal_ignoring_case(last_label(name), "localhost"); }

Result<void> check_host(const boost::urls::url_view& url, bool allow_private) {
  using boost::urls::host_type;
  const std::string host = url.host_address();
  // Boost.URL 1.81 ends "1.1.1.1.example.com" after the fourth number.
  if (!url.encoded_path().empty() && url.encoded_path().front() != '/') return bad_url("has no valid host");
  if (url.host_type() == host_type::name) {
    if (!is_host_name(host)) return bad_url("has no valid host");
    if (!allow_private && is_localhost(host)) return bad_url("must not point to this machine");
    return {};
  }
  boost::system::error_code bad;
  const auto address = boost::asio::ip::make_address(host, bad);
  if (bad) return bad_url("has no valid host");
  if (!allow_private && !net::is_public_address(address))
    return bad_url("must not point to a private or reserved address");
  return {};
}

}  // namespace

Result<WebhookTarget> parse_webhook_url(std::string_view text, bool allow_private) {
  if (text.size() > max_url_bytes) return bad_url("is longer than " + std::to_string(max_url_bytes) + " bytes");
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed) return bad_url("cannot be read");
  const boost::urls::url_view& url = *parsed;
  const bool https = url.scheme_id() == boost::urls::scheme::https;
  if (!https && (!allow_private || url.scheme_id() != boost::urls::scheme::http))
    return bad_url(allow_private ? "must begin with https:// or http://" : "must begin with https://");
  if (url.has_userinfo()) return bad_url("must not hold a user name or password");
  if (auto good = check_host(url, allow_private); !good) return good.error();
  std::uint16_t port = https ? 443 : 80;
  if (url.has_port()) {
    const auto number = parse_number<std::uint16_t>(std::string(url.port()));
    if (!number || *number == 0) return bad_url("has no valid port");
    port = *number;
  }
  WebhookTarget target;
  target.tls = https;
  target.host = url.host_address();
  target.port = port;
  target.target = std::string(url.encoded_target());
  if (!target.target.starts_with('/')) target.target.insert(0, "/");
  const bool bracketed = url.host_type() == boost::urls::host_type::ipv6;
  target.authority = bracketed ? "[" + target.host + "]" : target.host;
  if (url.has_port()) target.authority += ":" + std::to_string(port);
  return target;
}

Result<void> check_webhook_url(std::string_view url, bool allow_private) {
  auto target = parse_webhook_url(url, allow_private);
  if (!target) return target.error();
  return {};
}

Result<WebhookSecrets> WebhookSecrets::load(const std::filesystem::path& file) {
  auto text = read_file(file, 4096);
  if (!text && text.error().code != ErrorCode::not_found) return text.error();
  if (!text) {
    std::string root = random_bytes(root_bytes);
    if (auto written = write_file_atomically(file, to_hex(as_bytes(root)) + "\n", 0600); !written)
      return written.error();
    return WebhookSecrets(std::move(root));
  }
  while (text->ends_with('\n'))
    text->pop_back();
  auto root = from_hex(*text);
  if (!root || root->size() != root_bytes)
    return Error(ErrorCode::invalid_argument, file.string() +
                                                  " is damaged: put it back from a backup, or remove it; "
                                                  "webhooks are then signed with new secrets");
  return WebhookSecrets(std::move(*root));
}

std::string WebhookSecrets::secret_of(std::string_view key_id) const {
  return hmac_sha256(root_, "webhook:" + std::string(key_id));
}

std::string WebhookSecrets::shown(std::string_view key_id) const {
  return "whsec_" + to_base64(as_bytes(secret_of(key_id)));
}

std::string WebhookSecrets::sign(std::string_view key_id, std::string_view id, std::int64_t timestamp,
                                 std::string_view payload) const {
  const std::string message = std::string(id) + "." + std::to_string(timestamp) + "." + std::string(payload);
  return "v1," + to_base64(as_bytes(hmac_sha256(secret_of(key_id), message)));
}

std::optional<std::chrono::seconds> webhook_pause(unsigned attempts) {
  std::chrono::seconds pause = first_pause;
  std::chrono::seconds sum{0};
  for (unsigned n = 1; n < attempts && sum < give_up_after; ++n) {
    sum += pause;
    pause = std::min(pause * 3, longest_pause);
  }
  if (sum >= give_up_after) return std::nullopt;
  return pause;
}

}  // namespace gogrid::coordinator
