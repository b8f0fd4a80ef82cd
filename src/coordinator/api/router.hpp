// Router: which handler answers a method and path, and which scope of key it takes. It gives each request its id,
// checks the key, writes the access log, and answers 404, 405, 401 and 403 itself, and ends what runs with a key that
// is revoked. Owned by the Coordinator, used on the io thread.
#pragma once

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/clock.hpp"
#include "coordinator/api/error_response.hpp"
#include "net/http_server.hpp"

namespace gogrid::coordinator {

class KeyRing;

enum class Scope {
  open,  // no key
  any,   // a good key with whatever scope
  inference,
  admin,
};

// Whose key it is.
struct KeyIdentity {
  std::string id;
  std::string name;
  // It has the scope admin.
  bool admin = false;
  // Names of those it may use; empty: all.
  std::vector<std::string> models = {};

  bool may_use(const std::string& model_name) const {
    return models.empty() || std::find(models.begin(), models.end(), model_name) != models.end();
  }
};

// One request on its way through its handler.
struct ApiRequest {
  ApiRequest(net::HttpExchange& its_exchange, std::string its_id, std::vector<std::string> its_parameters)
      : exchange(its_exchange), id(std::move(its_id)), parameters(std::move(its_parameters)) {}

  // Adds x-request-id to the response and counts what is sent.
  net::HttpExchange& exchange;
  // "req_…", for logs and for the worker.
  std::string id;
  // What stands for each {…} of the pattern, decoded.
  std::vector<std::string> parameters;
  // Empty on open routes.
  std::optional<KeyIdentity> key;

  // The key was revoked while the request ran: what comes of it then is nobody's. At most one listener, the handler's.
  void revoke() {
    revoked_ = true;
    if (on_revoke) on_revoke();
  }
  bool revoked() const { return revoked_; }
  std::function<void()> on_revoke;
  // Called with the headers of the response, to add to them.
  std::function<void(net::Headers&)> on_response;

  const net::RequestHead& head() const { return exchange.request(); }

 private:
  bool revoked_ = false;
};

// What a request is answered, or ends with, when its key is revoked.
ErrorResponse key_revoked();

using ApiHandler = std::function<boost::asio::awaitable<void>(ApiRequest&)>;

// What was answered, for the access log and the metrics.
struct AccessRecord {
  std::string method;
  // The route's pattern, "/v1/models/{id}"; empty when there is none. Never what the client sent: for metrics' labels.
  std::string pattern;
  // 0: nothing, because the client had gone away.
  int status = 0;
  std::uint64_t sent_bytes = 0;
  std::chrono::steady_clock::duration took{};
};

class Router {
 public:
  Router(KeyRing& keys, const Clock& clock) : keys_(keys), clock_(clock) {}

  // `pattern`: "/v1/models/{id}"; {…} stands for one segment, and "{…*}" at the end for all that are left, joined by
  // "/". `style`: of the errors that the router answers itself.
  void add(std::string method, std::string pattern, Scope scope, ApiHandler handler,
           ErrorStyle style = ErrorStyle::openai);
  // Called after each response.
  void on_access(std::function<void(const AccessRecord&)> listener) { access_ = std::move(listener); }

  // Revokes what runs with that key.
  void end_requests_of(const std::string& key_id);

  // The HttpServer's handler.
  boost::asio::awaitable<void> handle(net::HttpExchange& exchange);

 private:
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> segments;
    Scope scope;
    ApiHandler handler;
    ErrorStyle style;
  };
  struct Match {
    bool well_formed = false;
    const Route* route = nullptr;
    std::vector<std::string> parameters;
    // Of routes that have the path but another method.
    std::string allowed_methods;
    // Of any route that has the path.
    ErrorStyle style = ErrorStyle::openai;
  };
  class CountedExchange;
  class Running;

  Match match(const net::RequestHead& head) const;
  boost::asio::awaitable<void> answer(CountedExchange& exchange, const Match& found, const std::string& id,
                                      std::string& key_id);

  KeyRing& keys_;
  const Clock& clock_;
  std::vector<Route> routes_;
  // With a key, and not answered yet.
  std::unordered_set<ApiRequest*> running_;
  std::function<void(const AccessRecord&)> access_;
};

}  // namespace gogrid::coordinator
