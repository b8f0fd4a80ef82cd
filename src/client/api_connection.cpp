#include "client/api_connection.hpp"

#include <array>

#include "base/encoding.hpp"

namespace gogrid::client {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_error_bytes = 64 * 1024;
constexpr net::HttpClientTimeouts quick_timeouts{std::chrono::seconds(10), std::chrono::seconds(60),
                                                 std::chrono::seconds(60)};
// A part of an upload is answered after the file was synced and, for the last one, hashed. What sits between may not
// stall longer.
constexpr net::HttpClientTimeouts patient_timeouts{std::chrono::seconds(10), std::chrono::minutes(20),
                                                   std::chrono::minutes(20)};
constexpr net::HttpClientTimeouts watching_timeouts{std::chrono::seconds(10), std::chrono::seconds(60),
                                                    std::chrono::minutes(2)};

std::unique_ptr<net::HttpClient> make_http(const asio::any_io_executor& executor, const ClientOptions& options,
                                           net::HttpClientTimeouts timeouts) {
  net::ClientTls tls;
  tls.trusted_ca = options.trusted_ca;
  return net::make_http_client(
      executor, net::HttpEndpoint::https(options.server.host, options.server.port, std::move(tls)), timeouts);
}

bool is_success(int status) { return status >= 200 && status <= 299; }

}  // namespace

std::string segment(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '~' || (c == '.' && text != "." && text != "..");
    if (plain) {
      out += c;
    } else {
      out += '%' + to_hex(as_bytes(std::string_view(&c, 1)));
    }
  }
  return out;
}

std::string to_json(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

ApiConnection::ApiConnection(const asio::any_io_executor& executor, ClientOptions options)
    : options_(std::move(options)),
      quick_(make_http(executor, options_, quick_timeouts)),
      patient_(make_http(executor, options_, patient_timeouts)),
      watching_(make_http(executor, options_, watching_timeouts)) {}

net::HttpClient& ApiConnection::http(Pace pace) {
  switch (pace) {
    case Pace::quick:
      return *quick_;
    case Pace::patient:
      return *patient_;
    case Pace::watching:
      break;
  }
  return *watching_;
}

Error ApiConnection::explain_failure(const Error& error) const {
  if (error.code == ErrorCode::unauthenticated) {
    return Error(error.code,
                 error.detail +
                     "; set GOGRID_CA to the coordinator's ca.pem, or check and remember it with 'gogrid login " +
                     options_.server.url() + "'");
  }
  if (error.code == ErrorCode::unavailable && options_.server.port == 443) {
    return Error(error.code, error.detail + " A coordinator's own port is " + std::to_string(default_port) +
                                 ": https://" + options_.server.host + ":" + std::to_string(default_port));
  }
  return error;
}

Error ApiConnection::explain_status(int status, std::string_view body) const {
  Error error = error_from_status(status, body);
  const bool from_coordinator = !read_error(body).code.empty();
  if (status == 401) error.detail += "; log in with a key that is valid: gogrid login " + options_.server.url();
  if (status == 403 && from_coordinator) error.detail += "; an administrator makes keys with 'gogrid key create'";
  if (status == 404 && !from_coordinator) error.detail += "; is " + options_.server.url() + " a GoGrid coordinator?";
  if (status >= 300 && status < 400)
    error.detail = options_.server.url() + " answers with a redirect; log in to the address it leads to";
  return error;
}

Error ApiConnection::not_a_coordinator(const Error& error) const {
  return Error(ErrorCode::protocol, options_.server.url() + " does not answer as a coordinator: " + error.detail);
}

asio::awaitable<Result<ApiConnection::Response>> ApiConnection::exchange(Pace pace, net::HttpClientRequest request) {
  request.target = options_.server.path_prefix + request.target;
  if (!options_.api_key.empty()) request.headers.set("authorization", "Bearer " + options_.api_key);
  request.headers.set("user-agent", "gogrid/" GOGRID_VERSION);
  reached_ = false;
  auto response = co_await http(pace).send(std::move(request));
  if (!response) co_return explain_failure(response.error());
  reached_ = true;
  co_return response;
}

asio::awaitable<Result<ApiConnection::Response>> ApiConnection::send(Pace pace, net::HttpClientRequest request) {
  auto response = co_await exchange(pace, std::move(request));
  if (!response) co_return response.error();
  const int status = (*response)->head().status;
  if (is_success(status)) co_return response;
  const auto body = co_await (*response)->read_all(max_error_bytes);
  co_return explain_status(status, body ? *body : std::string());
}

asio::awaitable<Result<std::string>> ApiConnection::call(std::string method, std::string target, std::string body) {
  net::HttpClientRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.headers.set("accept", "application/json");
  if (!body.empty()) request.headers.set("content-type", "application/json");
  request.body = std::move(body);
  auto response = co_await send(Pace::quick, std::move(request));
  if (!response) co_return response.error();
  co_return co_await (*response)->read_all(max_answer_bytes);
}

asio::awaitable<Result<void>> ApiConnection::remove(std::string target) {
  const auto text = co_await call("DELETE", std::move(target), "");
  if (!text) co_return text.error();
  co_return Result<void>();
}

asio::awaitable<Result<BodyHead>> ApiConnection::fetch(std::string target, BodySink sink) {
  net::HttpClientRequest request;
  request.target = std::move(target);
  auto response = co_await send(Pace::watching, std::move(request));
  if (!response) co_return response.error();
  const net::Headers& headers = (*response)->head().headers;
  BodyHead head;
  head.content_type = headers.get("content-type").value_or("");
  head.engine_status = headers.get("x-gogrid-engine-status").value_or("");
  std::array<std::byte, 64 * 1024> buffer;
  for (;;) {
    const auto count = co_await (*response)->read_some(buffer);
    if (!count) co_return count.error();
    if (*count == 0) co_return head;
    const auto taken = sink(as_text(std::span(buffer).first(*count)));
    if (!taken) co_return taken.error();
  }
}

}  // namespace gogrid::client
