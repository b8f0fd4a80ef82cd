// HTTP calls to the coordinator's API as CoordinatorClient makes them: the key, the errors for people, bounded answers.
// Internal to client/. On its executor's thread; calls may overlap.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "client/coordinator_client.hpp"
#include "client/read_json.hpp"
#include "net/http_client.hpp"

namespace gogrid::client {

class ApiConnection {
 public:
  template <class T>
  using Reply = boost::asio::awaitable<Result<T>>;
  using Response = std::unique_ptr<net::HttpResponse>;

  // How long an answer may take: `quick` for what is answered at once, `patient` for answers of models and uploads,
  // `watching` for streams that say at least every half minute that they live.
  enum class Pace { quick, patient, watching };

  ApiConnection(const boost::asio::any_io_executor& executor, ClientOptions options);

  const ServerAddress& server() const { return options_.server; }
  bool reached() const { return reached_; }

  // A response with any status.
  Reply<Response> exchange(Pace pace, net::HttpClientRequest request);
  // A 2xx response; every other one is an error with what its body says.
  Reply<Response> send(Pace pace, net::HttpClientRequest request);
  // The body of a 2xx answer.
  Reply<std::string> call(std::string method, std::string target, std::string body);
  Reply<void> remove(std::string target);
  // Hands the body of a 2xx answer on as it comes, and gives back its status and type.
  Reply<BodyHead> fetch(std::string target, BodySink sink);

  template <class T>
  Reply<Answer<T>> get(std::string target) {
    return ask<T>("GET", std::move(target), "");
  }
  template <class T>
  Reply<Answer<T>> post(std::string target, std::string body) {
    return ask<T>("POST", std::move(target), std::move(body));
  }
  template <class T>
  Reply<Answer<T>> ask(std::string method, std::string target, std::string body) {
    auto text = co_await call(std::move(method), std::move(target), std::move(body));
    if (!text) co_return text.error();
    co_return read<T>(std::move(*text));
  }
  template <class T>
  Result<Answer<T>> read(std::string text) const {
    auto answer = read_answer<T>(std::move(text));
    if (!answer) return not_a_coordinator(answer.error());
    return answer;
  }

  Error explain_status(int status, std::string_view body) const;

 private:
  Error explain_failure(const Error& error) const;
  Error not_a_coordinator(const Error& error) const;
  net::HttpClient& http(Pace pace);

  ClientOptions options_;
  bool reached_ = true;
  std::unique_ptr<net::HttpClient> quick_;
  std::unique_ptr<net::HttpClient> patient_;
  std::unique_ptr<net::HttpClient> watching_;
};

inline constexpr std::size_t max_answer_bytes = 16 * 1024 * 1024;

// One segment of a path (RFC 3986 §2.3), or a value of a query: names may hold anything.
std::string segment(std::string_view text);

// JSON in one line; text that is not UTF-8 gets U+FFFD in place of the wrong bytes.
std::string to_json(const nlohmann::json& value);

}  // namespace gogrid::client
