#include "coordinator/api/router.hpp"

#include <algorithm>
#include <utility>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "coordinator/api/auth.hpp"
#include "coordinator/api/error_response.hpp"
#include "coordinator/keys.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace {

std::vector<std::string> split_pattern(std::string_view pattern) {
  std::vector<std::string> segments;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const auto end = std::min(pattern.find('/'), pattern.size());
    segments.emplace_back(pattern.substr(0, end));
    pattern.remove_prefix(end);
  }
  return segments;
}

bool is_parameter(const std::string& segment) { return segment.starts_with('{'); }
bool is_rest(const std::string& segment) { return segment.ends_with("*}"); }

// What stood for the pattern's parameters; nullopt when the path is another one.
std::optional<std::vector<std::string>> match_segments(const std::vector<std::string>& pattern,
                                                       const std::vector<std::string>& path) {
  const bool open_ended = !pattern.empty() && is_rest(pattern.back());
  if (open_ended ? path.size() < pattern.size() : path.size() != pattern.size()) return std::nullopt;
  std::vector<std::string> parameters;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!is_parameter(pattern[i])) {
      if (pattern[i] != path[i]) return std::nullopt;
      continue;
    }
    std::string value = path[i];
    if (is_rest(pattern[i])) {
      for (std::size_t j = i + 1; j < path.size(); ++j)
        value += "/" + path[j];
    }
    parameters.push_back(std::move(value));
  }
  return parameters;
}

// What a person or a balancer asks all day long.
bool is_probe(std::string_view pattern) {
  return pattern == "/healthz" || pattern == "/readyz" || pattern == "/metrics";
}

}  // namespace

// A request's place among those that run, however its handler ends.
class Router::Running {
 public:
  Running(std::unordered_set<ApiRequest*>& all, ApiRequest& request) : all_(all), request_(request) {
    if (request_.key) all_.insert(&request_);
  }
  ~Running() { all_.erase(&request_); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  std::unordered_set<ApiRequest*>& all_;
  ApiRequest& request_;
};

// The connection's exchange, with the request's id on the response and what was sent counted.
class Router::CountedExchange final : public net::HttpExchange {
 public:
  CountedExchange(net::HttpExchange& inner, std::string id) : inner_(inner), id_(std::move(id)) {}

  const net::RequestHead& request() const override { return inner_.request(); }
  const std::string& remote() const override { return inner_.remote(); }
  asio::awaitable<Result<std::string>> read_body(std::size_t limit_bytes) override {
    return inner_.read_body(limit_bytes);
  }
  asio::awaitable<Result<std::size_t>> read_body_some(std::span<std::byte> buffer) override {
    return inner_.read_body_some(buffer);
  }
  std::optional<std::uint64_t> body_length() const override { return inner_.body_length(); }
  asio::awaitable<Result<void>> respond(net::ResponseHead head, std::string body) override {
    note(head);
    sent_bytes_ += body.size();
    return inner_.respond(std::move(head), std::move(body));
  }
  asio::awaitable<Result<void>> start(net::ResponseHead head) override {
    note(head);
    return inner_.start(std::move(head));
  }
  asio::awaitable<Result<void>> write(std::string_view bytes) override {
    sent_bytes_ += bytes.size();
    return inner_.write(bytes);
  }
  asio::awaitable<Result<void>> finish() override { return inner_.finish(); }
  bool started() const override { return inner_.started(); }
  void watch_disconnect(std::function<void()> on_disconnect) override {
    inner_.watch_disconnect(std::move(on_disconnect));
  }

  // Whose on_response is asked; it outlives what is sent for it.
  void set_request(const ApiRequest& asked) { asked_ = &asked; }
  int status() const { return status_; }
  std::uint64_t sent_bytes() const { return sent_bytes_; }

 private:
  void note(net::ResponseHead& head) {
    head.headers.set("x-request-id", id_);
    if (asked_ && asked_->on_response) asked_->on_response(head.headers);
    status_ = head.status;
  }

  net::HttpExchange& inner_;
  std::string id_;
  const ApiRequest* asked_ = nullptr;
  int status_ = 0;
  std::uint64_t sent_bytes_ = 0;
};

ErrorResponse key_revoked() {
  return ErrorResponse(401, "this API key was revoked; ask the operator for a new one", "invalid_api_key");
}

void Router::end_requests_of(const std::string& key_id) {
  for (ApiRequest* request : running_) {
    if (request->key->id == key_id) request->revoke();
  }
}

void Router::add(std::string method, std::string pattern, Scope scope, ApiHandler handler, ErrorStyle style) {
  Route route;
  route.method = std::move(method);
  route.segments = split_pattern(pattern);
  route.pattern = std::move(pattern);
  route.scope = scope;
  route.handler = std::move(handler);
  route.style = style;
  routes_.push_back(std::move(route));
}

Router::Match Router::match(const net::RequestHead& head) const {
  Match match;
  const auto path = net::path_segments(head.path());
  if (!path) return match;
  match.well_formed = true;
  // HEAD is GET without the body, which the server leaves out.
  const std::string_view method = head.method == "HEAD" ? "GET" : std::string_view(head.method);
  for (const Route& route : routes_) {
    auto parameters = match_segments(route.segments, *path);
    if (!parameters) continue;
    match.style = route.style;
    if (route.method == method) {
      match.route = &route;
      match.parameters = std::move(*parameters);
      return match;
    }
    match.allowed_methods += (match.allowed_methods.empty() ? "" : ", ") + route.method;
  }
  return match;
}

asio::awaitable<void> Router::answer(CountedExchange& exchange, const Match& found, const std::string& id,
                                     std::string& key_id) {
  const net::RequestHead& head = exchange.request();
  if (!found.well_formed) {
    ErrorResponse error(400, "the request's path is malformed", "invalid_path");
    co_return co_await respond_error(exchange, std::move(error));
  }
  if (!found.route && found.allowed_methods.empty()) {
    ErrorResponse error(404, "there is no " + std::string(head.path()) + " here", "unknown_path");
    co_return co_await respond_error(exchange, std::move(error));
  }
  if (!found.route) {
    ErrorResponse error(405, std::string(head.path()) + " takes " + found.allowed_methods, "method_not_allowed");
    net::ResponseHead response;
    response.status = error.status;
    response.headers.add("Allow", found.allowed_methods);
    response.headers.add("Content-Type", "application/json");
    std::string body = error.body(found.style);
    (void)co_await exchange.respond(std::move(response), std::move(body));
    co_return;
  }
  ApiRequest request(exchange, id, found.parameters);
  if (found.route->scope != Scope::open) {
    const std::string_view credentials = credentials_of(head.headers);
    if (credentials.empty()) {
      ErrorResponse error(401, "an API key is missing: send it as \"Authorization: Bearer gg_…\"", "invalid_api_key");
      co_return co_await respond_error(exchange, std::move(error), found.style);
    }
    auto identity = keys_.check(credentials, found.route->scope);
    if (!identity) {
      ErrorResponse error(identity.error());
      if (error.status == 403) error.code = "insufficient_scope";
      co_return co_await respond_error(exchange, std::move(error), found.style);
    }
    key_id = identity->id;
    request.key = std::move(*identity);
  }
  exchange.set_request(request);
  const Running running(running_, request);
  co_await found.route->handler(request);
}

asio::awaitable<void> Router::handle(net::HttpExchange& exchange) {
  const SteadyTime began = clock_.steady_now();
  const std::string id = random_id("req");
  CountedExchange counted(exchange, id);
  const Match found = match(exchange.request());
  std::string key_id;
  co_await answer(counted, found, id, key_id);

  AccessRecord record;
  record.method = exchange.request().method;
  record.pattern = found.route ? found.route->pattern : "";
  record.status = counted.status();
  record.sent_bytes = counted.sent_bytes();
  record.took = clock_.steady_now() - began;
  const auto level = is_probe(record.pattern) ? spdlog::level::debug : spdlog::level::info;
  // The path only: a query may hold what is nobody's business.
  log_event(level, "answered",
            {{"method", record.method},
             {"path", exchange.request().path()},
             {"status", record.status},
             {"duration_ms", std::chrono::duration_cast<std::chrono::milliseconds>(record.took).count()},
             {"sent_bytes", record.sent_bytes},
             {"key", key_id},
             {"request", id},
             {"remote", exchange.remote()}});
  if (access_) access_(record);
}

}  // namespace gogrid::coordinator
