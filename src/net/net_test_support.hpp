// For tests: an event loop that runs until a coroutine is done, a server with a Unix socket or TLS, and a raw client
// that sends what no well-behaved one would.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/task_group.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/pki.hpp"

namespace gogrid::net::test {
namespace asio = boost::asio;

constexpr auto token = asio::as_tuple(asio::use_awaitable);

template <class T>
T run(asio::io_context& io, asio::awaitable<T> task) {
  std::optional<T> result;
  std::exception_ptr failure;
  bool done = false;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr thrown, T value) {
    failure = thrown;
    result = std::move(value);
    done = true;
  });
  io.restart();
  while (!done && io.run_one() > 0) {
  }
  if (failure) std::rethrow_exception(failure);
  EXPECT_TRUE(done) << "the event loop ran out of work";
  return std::move(*result);
}

inline void run(asio::io_context& io, asio::awaitable<void> task) {
  run<bool>(io, [](asio::awaitable<void> inner) -> asio::awaitable<bool> {
    co_await std::move(inner);
    co_return true;
  }(std::move(task)));
}

// A new directory, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "gogrid-net-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

// Something that happens once, waited for without polling.
class Event {
 public:
  explicit Event(asio::any_io_executor executor) : timer_(executor, asio::steady_timer::time_point::max()) {}
  void set() {
    happened_ = true;
    timer_.cancel();
  }
  bool happened() const { return happened_; }
  asio::awaitable<void> wait() {
    while (!happened_)
      co_await timer_.async_wait(token);
  }

 private:
  asio::steady_timer timer_;
  bool happened_ = false;
};

struct TestTls {
  pki::KeyAndCertificate authority;
  ServerTls server;
};

// A server certificate for `name` and 127.0.0.1 under an authority of its own, which is part of the chain.
inline TestTls make_tls(const std::string& name = "localhost") {
  const auto now = std::chrono::system_clock::now();
  TestTls tls;
  tls.authority = pki::create_authority("test CA", now, std::chrono::hours(24)).value();
  const auto pair =
      pki::issue_server_certificate(tls.authority, {name, "127.0.0.1"}, now, std::chrono::hours(24)).value();
  tls.server.certificate_chain = pair.certificate + tls.authority.certificate;
  tls.server.private_key = pair.private_key;
  return tls;
}

// Serves `handler` while it lives.
class TestServer {
 public:
  TestServer(asio::io_context& io, HttpHandler handler, HttpLimits limits = {}) : io_(io), tasks_(io.get_executor()) {
    auto listening = listen_unix(io.get_executor(), socket(), limits, std::move(handler));
    start(std::move(listening).value());
  }
  TestServer(asio::io_context& io, const ServerTls& tls, HttpHandler handler, HttpLimits limits = {})
      : io_(io), tasks_(io.get_executor()) {
    const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), 0);
    start(listen_https(io.get_executor(), endpoint, tls, limits, std::move(handler)).value());
  }
  ~TestServer() {
    server->stop(std::chrono::milliseconds(0));
    run(io_, tasks_.wait());
  }

  std::filesystem::path socket() const { return directory_.path / "s"; }
  HttpEndpoint endpoint() const { return HttpEndpoint::unix_socket(socket()); }
  HttpEndpoint https(ClientTls tls) const { return HttpEndpoint::https("127.0.0.1", server->port(), std::move(tls)); }
  asio::awaitable<void> wait_stopped() { return tasks_.wait(); }

  std::unique_ptr<HttpServer> server;

 private:
  void start(std::unique_ptr<HttpServer> listening) {
    server = std::move(listening);
    tasks_.spawn("server", server->run());
  }

  asio::io_context& io_;
  TemporaryDirectory directory_;
  TaskGroup tasks_;
};

// A Unix socket with nothing between.
class RawClient {
 public:
  RawClient(asio::io_context& io, const std::filesystem::path& path) : socket(io) {
    socket.connect(asio::local::stream_protocol::endpoint(path.string()));
  }
  asio::awaitable<void> send(std::string text) { co_await asio::async_write(socket, asio::buffer(text), token); }
  // Everything until the server closes.
  asio::awaitable<std::string> receive_all() {
    std::string all;
    co_await asio::async_read(socket, asio::dynamic_buffer(all), token);
    co_return all;
  }
  // Until `mark` has come.
  asio::awaitable<std::string> receive_until(std::string mark) {
    while (received_.find(mark) == std::string::npos) {
      char buffer[4096];
      const auto [failure, count] = co_await socket.async_read_some(asio::buffer(buffer), token);
      if (failure) break;
      received_.append(buffer, count);
    }
    const auto at = received_.find(mark);
    const auto size = at == std::string::npos ? received_.size() : at + mark.size();
    std::string text = received_.substr(0, size);
    received_.erase(0, size);
    co_return text;
  }

  asio::local::stream_protocol::socket socket;

 private:
  std::string received_;
};

// Sends `text` and returns all that comes back until the server closes.
inline std::string talk(asio::io_context& io, const std::filesystem::path& path, std::string text) {
  RawClient client(io, path);
  run(io, client.send(std::move(text)));
  return run(io, client.receive_all());
}

inline HttpClientRequest get(std::string target) {
  HttpClientRequest request;
  request.target = std::move(target);
  return request;
}

inline HttpClientRequest post(std::string target, std::string body) {
  HttpClientRequest request;
  request.method = "POST";
  request.target = std::move(target);
  request.body = std::move(body);
  return request;
}

struct Answer {
  int status = 0;
  Headers headers;
  std::string body;
};

// The whole exchange; a failure is status 0 with the error's text as body.
inline asio::awaitable<Answer> fetch(HttpClient& client, HttpClientRequest request) {
  Answer answer;
  auto response = co_await client.send(std::move(request));
  if (!response) {
    answer.body = std::string(to_string(response.error().code)) + ": " + response.error().detail;
    co_return answer;
  }
  answer.status = (*response)->head().status;
  answer.headers = (*response)->head().headers;
  auto body = co_await (*response)->read_all(64 * 1024 * 1024);
  answer.body = body ? std::move(*body) : std::string(to_string(body.error().code)) + ": " + body.error().detail;
  co_return answer;
}

}  // namespace gogrid::net::test
