#include "client/coordinator_client.hpp"

#include <array>

#include "base/encoding.hpp"
#include "client/api_connection.hpp"

namespace gogrid::client {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

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

void add_limits(const KeyLimits& limits, json& body) {
  if (limits.models) body["models"] = *limits.models;
  if (limits.weight) body["weight"] = *limits.weight;
  if (limits.requests_per_minute) body["requests_per_minute"] = *limits.requests_per_minute;
  if (limits.tokens_per_minute) body["tokens_per_minute"] = *limits.tokens_per_minute;
  if (limits.max_concurrent) body["max_concurrent"] = *limits.max_concurrent;
  if (limits.max_queued) body["max_queued"] = *limits.max_queued;
}

net::HttpClientRequest chat_request(const ChatRequest& request, bool stream) {
  net::HttpClientRequest out;
  out.method = "POST";
  out.target = "/v1/chat/completions";
  out.headers.set("accept", stream ? "text/event-stream" : "application/json");
  out.headers.set("content-type", "application/json");
  out.body = chat_request_body(request, stream);
  return out;
}

}  // namespace

CoordinatorClient::CoordinatorClient(asio::any_io_executor executor, ClientOptions options)
    : api_(std::make_unique<ApiConnection>(executor, std::move(options))) {}

CoordinatorClient::~CoordinatorClient() = default;

const ServerAddress& CoordinatorClient::server() const { return api_->server(); }
bool CoordinatorClient::reached() const { return api_->reached(); }

asio::awaitable<Result<Answer<GridStatus>>> CoordinatorClient::status() {
  return api_->get<GridStatus>("/api/v1/status");
}
asio::awaitable<Result<Answer<std::vector<Worker>>>> CoordinatorClient::workers() {
  return api_->get<std::vector<Worker>>("/api/v1/workers");
}
asio::awaitable<Result<Answer<Worker>>> CoordinatorClient::worker(std::string name, bool live) {
  return api_->get<Worker>("/api/v1/workers/" + segment(name) + (live ? "?live=true" : ""));
}
asio::awaitable<Result<void>> CoordinatorClient::revoke_worker(std::string name) {
  return api_->remove("/api/v1/workers/" + segment(name));
}
asio::awaitable<Result<Answer<std::vector<Model>>>> CoordinatorClient::models() {
  return api_->get<std::vector<Model>>("/api/v1/models");
}
asio::awaitable<Result<Answer<Model>>> CoordinatorClient::model(std::string name) {
  return api_->get<Model>("/api/v1/models/" + segment(name));
}
asio::awaitable<Result<void>> CoordinatorClient::remove_model(std::string name) {
  return api_->remove("/api/v1/models/" + segment(name));
}
asio::awaitable<Result<Answer<std::vector<Engine>>>> CoordinatorClient::engines() {
  return api_->get<std::vector<Engine>>("/api/v1/engines");
}
asio::awaitable<Result<void>> CoordinatorClient::remove_engine(std::string name) {
  return api_->remove("/api/v1/engines/" + segment(name));
}
asio::awaitable<Result<Answer<std::vector<JoinToken>>>> CoordinatorClient::tokens() {
  return api_->get<std::vector<JoinToken>>("/api/v1/tokens");
}
asio::awaitable<Result<void>> CoordinatorClient::remove_token(std::string id) {
  return api_->remove("/api/v1/tokens/" + segment(id));
}
asio::awaitable<Result<Answer<std::vector<ApiKey>>>> CoordinatorClient::keys() {
  return api_->get<std::vector<ApiKey>>("/api/v1/keys");
}
asio::awaitable<Result<void>> CoordinatorClient::revoke_key(std::string id) {
  return api_->remove("/api/v1/keys/" + segment(id));
}
asio::awaitable<Result<Answer<std::vector<PendingUpload>>>> CoordinatorClient::uploads() {
  return api_->get<std::vector<PendingUpload>>("/api/v1/uploads");
}
asio::awaitable<Result<void>> CoordinatorClient::remove_upload(std::string id) {
  return api_->remove("/api/v1/uploads/" + segment(id));
}
asio::awaitable<Result<Answer<std::vector<ServedModel>>>> CoordinatorClient::served_models() {
  return api_->get<std::vector<ServedModel>>("/v1/models");
}

asio::awaitable<Result<Answer<JoinToken>>> CoordinatorClient::create_token(TokenRequest request) {
  json body{{"uses", request.uses}};
  if (!request.name.empty()) body["name"] = request.name;
  if (request.expires_in_seconds) body["expires_in_seconds"] = *request.expires_in_seconds;
  return api_->post<JoinToken>("/api/v1/tokens", to_json(body));
}

asio::awaitable<Result<Answer<ApiKey>>> CoordinatorClient::create_key(KeyRequest request) {
  json body{{"name", request.name}, {"scopes", request.scopes}};
  if (request.expires_in_seconds) body["expires_in_seconds"] = *request.expires_in_seconds;
  add_limits(request.limits, body);
  return api_->post<ApiKey>("/api/v1/keys", to_json(body));
}

asio::awaitable<Result<Answer<ApiKey>>> CoordinatorClient::change_key(std::string id, KeyChange change) {
  json body = json::object();
  if (change.name) body["name"] = *change.name;
  add_limits(change.limits, body);
  return api_->ask<ApiKey>("PATCH", "/api/v1/keys/" + segment(id), to_json(body));
}

asio::awaitable<Result<ChatSummary>> CoordinatorClient::chat(ChatRequest request,
                                                             std::function<void(const ChatDelta&)> sink) {
  net::HttpClientRequest http_request = chat_request(request, true);
  auto response = co_await api_->send(ApiConnection::Pace::patient, std::move(http_request));
  if (!response) co_return response.error();
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
  net::HttpClientRequest http_request = chat_request(request, false);
  auto response = co_await api_->send(ApiConnection::Pace::patient, std::move(http_request));
  if (!response) co_return response.error();
  auto text = co_await (*response)->read_all(max_answer_bytes);
  if (!text) co_return text.error();
  if (const auto parsed = parse_object(*text); !parsed) co_return parsed.error();
  co_return text;
}

asio::awaitable<Result<UploadState>> CoordinatorClient::begin_upload(UploadRequest request) {
  json body{
      {"kind", request.kind}, {"name", request.name}, {"size_bytes", request.size_bytes}, {"sha256", request.sha256}};
  const auto text = co_await api_->call("POST", "/api/v1/uploads", to_json(body));
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
  auto response = co_await api_->exchange(ApiConnection::Pace::patient, std::move(request));
  if (!response) co_return response.error();
  const auto text = co_await (*response)->read_all(max_answer_bytes);
  if (!text) co_return text.error();
  const int status = (*response)->head().status;
  if (status >= 200 && status <= 299) co_return read_upload(*text, std::move(id));
  std::optional<std::uint64_t> offset_there;
  if (status == 409) offset_there = right_offset(*text);
  if (!offset_there) co_return api_->explain_status(status, *text);
  UploadState state;
  state.id = std::move(id);
  state.offset_bytes = *offset_there;
  co_return state;
}

}  // namespace gogrid::client
