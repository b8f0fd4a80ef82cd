#include "client/coordinator_client.hpp"

#include <array>

#include "base/encoding.hpp"
#include "client/read_json.hpp"
#include "net/http_client.hpp"

namespace gogrid::client {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

constexpr std::size_t max_answer_bytes = 16 * 1024 * 1024;
constexpr std::size_t max_error_bytes = 64 * 1024;
constexpr net::HttpClientTimeouts quick_timeouts{std::chrono::seconds(10), std::chrono::seconds(60),
                                                 std::chrono::seconds(60)};
// A part of an upload is answered after the file was synced and, for the last one, hashed. What sits between may not
// stall longer.
constexpr net::HttpClientTimeouts patient_timeouts{std::chrono::seconds(10), std::chrono::minutes(20),
                                                   std::chrono::minutes(20)};

std::unique_ptr<net::HttpClient> make_http(asio::any_io_executor executor, const ClientOptions& options,
                                           net::HttpClientTimeouts timeouts) {
  net::ClientTls tls;
  tls.trusted_ca = options.trusted_ca;
  return net::make_http_client(std::move(executor),
                               net::HttpEndpoint::https(options.server.host, options.server.port, std::move(tls)),
                               timeouts);
}

// One segment of a path (RFC 3986 §2.3): names may hold anything.
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

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

Result<UploadState> read_upload(const std::string& text, std::string id) {
  const auto parsed = parse_object(text);
  // Not `protocol`, which a connection that was cut is: asking again would not help.
  if (!parsed)
    return Error(ErrorCode::internal, "the coordinator's answer to an upload cannot be read: " + parsed.error().detail);
  UploadState state;
  state.id = std::move(id);
  if (std::string told = text_of(member(*parsed, "id")); !told.empty()) state.id = std::move(told);
  state.offset_bytes =
      static_cast<std::uint64_t>(std::max<std::int64_t>(integer_of(member(*parsed, "offset_bytes")), 0));
  state.complete = flag_of(member(*parsed, "complete"));
  return state;
}

// The offset a 409 answer gives; nullopt if it gives none.
std::optional<std::uint64_t> right_offset(const std::string& body) {
  const std::string param = read_error(body).param;
  if (param.empty() || param.size() > 18 || param.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoull(param);
}

bool is_success(int status) { return status >= 200 && status <= 299; }

}  // namespace

CoordinatorClient::CoordinatorClient(asio::any_io_executor executor, ClientOptions options)
    : options_(std::move(options)),
      quick_(make_http(executor, options_, quick_timeouts)),
      patient_(make_http(executor, options_, patient_timeouts)) {}

CoordinatorClient::~CoordinatorClient() = default;

const ServerAddress& CoordinatorClient::server() const { return options_.server; }
bool CoordinatorClient::reached() const { return reached_; }

Error CoordinatorClient::explain_failure(const Error& error) const {
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

Error CoordinatorClient::explain_status(int status, const std::string& body) const {
  Error error = error_from_status(status, body);
  const bool from_coordinator = !read_error(body).code.empty();
  if (status == 401) error.detail += "; log in with a key that is valid: gogrid login " + options_.server.url();
  if (status == 403 && from_coordinator) error.detail += "; an administrator makes keys with 'gogrid key create'";
  if (status == 404 && !from_coordinator) error.detail += "; is " + options_.server.url() + " a GoGrid coordinator?";
  if (status >= 300 && status < 400)
    error.detail = options_.server.url() + " answers with a redirect; log in to the address it leads to";
  return error;
}

asio::awaitable<Result<std::unique_ptr<net::HttpResponse>>> CoordinatorClient::send(net::HttpClient& http,
                                                                                    net::HttpClientRequest request) {
  request.target = options_.server.path_prefix + request.target;
  if (!options_.api_key.empty()) request.headers.set("authorization", "Bearer " + options_.api_key);
  request.headers.set("user-agent", "gogrid/" GOGRID_VERSION);
  reached_ = false;
  auto response = co_await http.send(std::move(request));
  if (!response) co_return explain_failure(response.error());
  reached_ = true;
  const int status = (*response)->head().status;
  // 409 is an upload's business.
  if (is_success(status) || status == 409) co_return response;
  const auto body = co_await (*response)->read_all(max_error_bytes);
  co_return explain_status(status, body ? *body : std::string());
}

asio::awaitable<Result<std::string>> CoordinatorClient::call(std::string method, std::string target, std::string body) {
  net::HttpClientRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.headers.set("accept", "application/json");
  if (!body.empty()) request.headers.set("content-type", "application/json");
  request.body = std::move(body);
  auto response = co_await send(*quick_, std::move(request));
  if (!response) co_return response.error();
  auto text = co_await (*response)->read_all(max_answer_bytes);
  if (!text) co_return text.error();
  const int status = (*response)->head().status;
  if (!is_success(status)) co_return explain_status(status, *text);
  co_return text;
}

template <class T>
asio::awaitable<Result<Answer<T>>> CoordinatorClient::get(std::string target) {
  auto text = co_await call("GET", std::move(target), "");
  if (!text) co_return text.error();
  auto answer = read_answer<T>(std::move(*text));
  if (!answer)
    co_return Error(ErrorCode::protocol,
                    options_.server.url() + " does not answer as a coordinator: " + answer.error().detail);
  co_return answer;
}

template <class T>
asio::awaitable<Result<Answer<T>>> CoordinatorClient::post(std::string target, std::string body) {
  auto text = co_await call("POST", std::move(target), std::move(body));
  if (!text) co_return text.error();
  auto answer = read_answer<T>(std::move(*text));
  if (!answer)
    co_return Error(ErrorCode::protocol,
                    options_.server.url() + " does not answer as a coordinator: " + answer.error().detail);
  co_return answer;
}

asio::awaitable<Result<void>> CoordinatorClient::remove(std::string target) {
  const auto text = co_await call("DELETE", std::move(target), "");
  if (!text) co_return text.error();
  co_return Result<void>();
}

asio::awaitable<Result<Answer<GridStatus>>> CoordinatorClient::status() { return get<GridStatus>("/api/v1/status"); }
asio::awaitable<Result<Answer<std::vector<Worker>>>> CoordinatorClient::workers() {
  return get<std::vector<Worker>>("/api/v1/workers");
}
asio::awaitable<Result<Answer<Worker>>> CoordinatorClient::worker(std::string name) {
  return get<Worker>("/api/v1/workers/" + segment(name));
}
asio::awaitable<Result<void>> CoordinatorClient::revoke_worker(std::string name) {
  return remove("/api/v1/workers/" + segment(name));
}
asio::awaitable<Result<Answer<std::vector<Model>>>> CoordinatorClient::models() {
  return get<std::vector<Model>>("/api/v1/models");
}
asio::awaitable<Result<Answer<Model>>> CoordinatorClient::model(std::string name) {
  return get<Model>("/api/v1/models/" + segment(name));
}
asio::awaitable<Result<void>> CoordinatorClient::remove_model(std::string name) {
  return remove("/api/v1/models/" + segment(name));
}
asio::awaitable<Result<Answer<std::vector<Engine>>>> CoordinatorClient::engines() {
  return get<std::vector<Engine>>("/api/v1/engines");
}
asio::awaitable<Result<void>> CoordinatorClient::remove_engine(std::string name) {
  return remove("/api/v1/engines/" + segment(name));
}
asio::awaitable<Result<Answer<std::vector<JoinToken>>>> CoordinatorClient::tokens() {
  return get<std::vector<JoinToken>>("/api/v1/tokens");
}
asio::awaitable<Result<void>> CoordinatorClient::remove_token(std::string id) {
  return remove("/api/v1/tokens/" + segment(id));
}
asio::awaitable<Result<Answer<std::vector<ApiKey>>>> CoordinatorClient::keys() {
  return get<std::vector<ApiKey>>("/api/v1/keys");
}
asio::awaitable<Result<void>> CoordinatorClient::revoke_key(std::string id) {
  return remove("/api/v1/keys/" + segment(id));
}
asio::awaitable<Result<Answer<std::vector<PendingUpload>>>> CoordinatorClient::uploads() {
  return get<std::vector<PendingUpload>>("/api/v1/uploads");
}
asio::awaitable<Result<void>> CoordinatorClient::remove_upload(std::string id) {
  return remove("/api/v1/uploads/" + segment(id));
}
asio::awaitable<Result<Answer<std::vector<ServedModel>>>> CoordinatorClient::served_models() {
  return get<std::vector<ServedModel>>("/v1/models");
}

asio::awaitable<Result<Answer<JoinToken>>> CoordinatorClient::create_token(TokenRequest request) {
  json body{{"uses", request.uses}};
  if (!request.name.empty()) body["name"] = request.name;
  if (request.expires_in_seconds) body["expires_in_seconds"] = *request.expires_in_seconds;
  return post<JoinToken>("/api/v1/tokens", dump(body));
}

asio::awaitable<Result<Answer<ApiKey>>> CoordinatorClient::create_key(KeyRequest request) {
  json body{{"name", request.name}, {"scopes", request.scopes}};
  if (request.expires_in_seconds) body["expires_in_seconds"] = *request.expires_in_seconds;
  return post<ApiKey>("/api/v1/keys", dump(body));
}

asio::awaitable<Result<ChatSummary>> CoordinatorClient::chat(ChatRequest request,
                                                             std::function<void(const ChatDelta&)> sink) {
  net::HttpClientRequest http_request;
  http_request.method = "POST";
  http_request.target = "/v1/chat/completions";
  http_request.headers.set("accept", "text/event-stream");
  http_request.headers.set("content-type", "application/json");
  http_request.body = chat_request_body(request, true);
  auto response = co_await send(*patient_, std::move(http_request));
  if (!response) co_return response.error();
  if (const int status = (*response)->head().status; !is_success(status)) co_return explain_status(status, "");
  net::SseParser events;
  ChatStreamReader reader;
  Result<bool> ended = false;
  const auto on_event = [&](const net::SseParser::Event& event) {
    if (ended && !*ended) ended = reader.take(event.data, sink);
  };
  std::array<std::byte, 16 * 1024> buffer;
  while (ended && !*ended) {
    const auto count = co_await (*response)->read_some(buffer);
    if (!count) co_return count.error();
    if (*count == 0) co_return Error(ErrorCode::protocol, "the answer ended before it was complete");
    const auto fed = events.feed(as_text(std::span(buffer).first(*count)), on_event);
    if (!fed) co_return fed.error();
  }
  if (!ended) co_return ended.error();
  co_return reader.summary();
}

asio::awaitable<Result<std::string>> CoordinatorClient::chat_json(ChatRequest request) {
  net::HttpClientRequest http_request;
  http_request.method = "POST";
  http_request.target = "/v1/chat/completions";
  http_request.headers.set("accept", "application/json");
  http_request.headers.set("content-type", "application/json");
  http_request.body = chat_request_body(request, false);
  auto response = co_await send(*patient_, std::move(http_request));
  if (!response) co_return response.error();
  auto text = co_await (*response)->read_all(max_answer_bytes);
  if (!text) co_return text.error();
  if (const int status = (*response)->head().status; !is_success(status)) co_return explain_status(status, *text);
  if (const auto parsed = parse_object(*text); !parsed) co_return parsed.error();
  co_return text;
}

asio::awaitable<Result<UploadState>> CoordinatorClient::begin_upload(UploadRequest request) {
  json body{
      {"kind", request.kind}, {"name", request.name}, {"size_bytes", request.size_bytes}, {"sha256", request.sha256}};
  if (!request.model_kind.empty()) body["model_kind"] = request.model_kind;
  if (request.context_tokens) body["context_tokens"] = *request.context_tokens;
  if (request.slots) body["slots"] = *request.slots;
  const auto text = co_await call("POST", "/api/v1/uploads", dump(body));
  if (!text) co_return text.error();
  auto state = read_upload(*text, request.sha256);
  if (state && state->offset_bytes > request.size_bytes) {
    co_return Error(ErrorCode::internal, "the coordinator says it has more bytes than the file");
  }
  co_return state;
}

asio::awaitable<Result<UploadState>> CoordinatorClient::upload_part(std::string id, std::uint64_t offset,
                                                                    std::uint64_t length, PartSource source) {
  net::HttpClientRequest request;
  request.method = "PUT";
  request.target = "/api/v1/uploads/" + segment(id) + "?offset=" + std::to_string(offset);
  request.headers.set("content-type", "application/octet-stream");
  request.body_source = std::move(source);
  request.body_length_bytes = length;
  auto response = co_await send(*patient_, std::move(request));
  if (!response) co_return response.error();
  const auto text = co_await (*response)->read_all(max_answer_bytes);
  if (!text) co_return text.error();
  const int status = (*response)->head().status;
  if (is_success(status)) co_return read_upload(*text, std::move(id));
  const auto offset_there = right_offset(*text);
  if (!offset_there) co_return explain_status(status, *text);
  UploadState state;
  state.id = std::move(id);
  state.offset_bytes = *offset_there;
  co_return state;
}

}  // namespace gogrid::client
