#include "worker/enrolment.hpp"

#include <nlohmann/json.hpp>

#include "base/number.hpp"
#include "net/http_client.hpp"
#include "net/pki.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_answer_bytes = 256 * 1024;
constexpr std::size_t max_host_bytes = 255;
constexpr std::chrono::milliseconds answer_timeout{30'000};

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The coordinator's own words, if it sent any.
Error refusal(int status, const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  std::string reason;
  if (json.is_object() && json.contains("error")) reason = text_of(json["error"], "message");
  if (reason.empty()) reason = "it answered with status " + std::to_string(status);
  const ErrorCode code = status == 403 || status == 401   ? ErrorCode::permission_denied
                         : status >= 500 || status == 429 ? ErrorCode::unavailable
                                                          : ErrorCode::invalid_argument;
  return Error(code, "the coordinator refused: " + reason);
}

Result<Identity> read_answer(const std::string& body, const JoinToken& token, std::string private_key) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  Identity identity;
  identity.worker_id = text_of(json, "worker_id");
  identity.certificate_chain = text_of(json, "certificate_chain");
  identity.authority = text_of(json, "authority");
  identity.private_key = std::move(private_key);
  if (identity.worker_id.empty() || identity.certificate_chain.empty() || identity.authority.empty()) {
    return Error(ErrorCode::protocol, "the coordinator's answer lacks a field; are both of the same version?");
  }
  const auto authority = net::pki::inspect(identity.authority);
  if (!authority || authority->public_key_pin != token.authority_pin) {
    return Error(ErrorCode::unauthenticated, "the coordinator sent an authority that the join token does not name");
  }
  if (auto pair = net::pki::check_pair(identity.certificate_chain, identity.private_key); !pair) {
    return Error(ErrorCode::protocol, "the coordinator sent a certificate for another key");
  }
  return identity;
}

}  // namespace

Result<CoordinatorAddress> CoordinatorAddress::parse(std::string_view text, std::uint16_t default_port) {
  const auto bad = [&](const std::string& why) {
    return Error(ErrorCode::invalid_argument, "\"" + std::string(text.substr(0, max_host_bytes)) +
                                                  "\" is not a coordinator's address: " + why +
                                                  "; write HOST or HOST:PORT");
  };
  std::string_view rest = text;
  if (rest.starts_with("https://")) rest.remove_prefix(8);
  while (rest.ends_with('/'))
    rest.remove_suffix(1);
  std::string_view host = rest;
  std::string_view port;
  bool has_port = false;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) return bad("a bracket is missing");
    host = rest.substr(1, end - 1);
    const auto after = rest.substr(end + 1);
    has_port = !after.empty();
    if (has_port && after.front() != ':') return bad("after the bracket comes something else than a port");
    if (has_port) port = after.substr(1);
  } else if (const auto colon = rest.find(':');
             colon != std::string_view::npos && rest.find(':', colon + 1) == std::string_view::npos) {
    host = rest.substr(0, colon);
    port = rest.substr(colon + 1);
    has_port = true;
  }
  if (host.empty() || host.size() > max_host_bytes) return bad("the host is missing or too long");
  if (host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:%") !=
      std::string_view::npos) {
    return bad("the host holds a character that none has");
  }
  CoordinatorAddress address;
  address.host = host;
  address.port = default_port;
  if (has_port) {
    const auto number = parse_number<std::uint16_t>(port);
    if (!number || *number == 0) return bad("the port must be from 1 to 65535");
    address.port = *number;
  }
  return address;
}

std::string CoordinatorAddress::text() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

Result<CoordinatorAddress> configured_address(const WorkerConfig& config, CoordinatorAddress joined) {
  if (config.coordinator_port != WorkerConfig::no_port)
    joined.port = static_cast<std::uint16_t>(config.coordinator_port);
  if (config.coordinator_host.empty()) return joined;
  auto address = CoordinatorAddress::parse(config.coordinator_host, joined.port);
  if (!address)
    return Error(address.error().code, "coordinator.host (GOGRID_COORDINATOR_HOST): " + address.error().detail);
  return address;
}

asio::awaitable<Result<Identity>> enrol(asio::any_io_executor executor, CoordinatorAddress address, JoinToken token,
                                        std::string host_name) {
  auto key = net::pki::generate_key();
  if (!key) co_return key.error();
  const auto request = net::pki::create_request(*key, "gogrid-worker");
  if (!request) co_return request.error();

  net::ClientTls tls;
  tls.server_name = net::pki::coordinator_name;
  tls.pinned_authority = token.authority_pin;
  net::HttpClientTimeouts timeouts;
  timeouts.head = answer_timeout;
  timeouts.idle = answer_timeout;
  const auto client =
      net::make_http_client(executor, net::HttpEndpoint::https(address.host, address.port, std::move(tls)), timeouts);
  const nlohmann::json body = {
      {"token", token.credential()}, {"certificate_request", *request}, {"host_name", host_name}};
  net::HttpClientRequest post;
  post.method = "POST";
  post.target = "/worker/v1/enrol";
  post.headers.add("Content-Type", "application/json");
  post.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  auto response = co_await client->send(std::move(post));
  if (!response) {
    if (response.error().code != ErrorCode::unauthenticated) co_return response.error();
    co_return Error(
        ErrorCode::unauthenticated,
        response.error().detail + "; the join token was made by another coordinator, or somebody is in between");
  }
  auto answer = co_await (*response)->read_all(max_answer_bytes);
  if (!answer) co_return answer.error();
  const int status = (*response)->head().status;
  if (status != 201 && status != 200) co_return refusal(status, *answer);
  auto identity = read_answer(*answer, token, std::move(*key));
  if (!identity) co_return identity.error();
  identity->coordinator_host = address.host;
  identity->coordinator_port = address.port;
  co_return identity;
}

}  // namespace gogrid::worker
