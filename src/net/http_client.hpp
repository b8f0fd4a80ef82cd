// HTTP/1.1 client over TLS, TCP or a Unix socket; bodies stream in both directions. A client keeps idle connections for
// reuse. Used on its executor's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "net/http.hpp"

namespace gogrid::net {

// How the server proves who it is.
struct ClientTls {
  // The name to verify and send as SNI; empty: the host connected to.
  std::string server_name;
  // PEM authorities to trust; empty: the system's.
  std::string trusted_ca;
  // If set: the only trusted authority is the one in the server's chain whose SubjectPublicKeyInfo has this SHA-256
  // (hexadecimal); trusted_ca is not used. For the first contact with a join token.
  std::string pinned_authority;
};

struct HttpEndpoint {
  static HttpEndpoint https(std::string host, std::uint16_t port, ClientTls tls);
  // In the clear.
  static HttpEndpoint http(std::string host, std::uint16_t port);
  static HttpEndpoint unix_socket(std::filesystem::path path);

  std::string host;
  std::uint16_t port = 0;
  std::optional<ClientTls> tls;
  std::filesystem::path unix_path;
  // If set: only addresses that it likes are connected to, whatever the host's name resolves to; when there is none it
  // is `permission_denied`.
  std::function<bool(const boost::asio::ip::address&)> allows;
};

struct HttpClientRequest {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;
  // The whole body, or if body_source is set nothing.
  std::string body;
  // Fills the buffer with the next part of a body of body_length_bytes; 0 at its end. nullopt length: chunked.
  std::function<boost::asio::awaitable<Result<std::size_t>>(std::span<std::byte>)> body_source;
  std::optional<std::uint64_t> body_length_bytes;
};

struct HttpClientTimeouts {
  std::chrono::milliseconds connect{10'000};
  // From the request being sent to the response's head. Zero: no limit.
  std::chrono::milliseconds head{0};
  // Between two parts of the body. Zero: no limit.
  std::chrono::milliseconds idle{0};
  // How long a connection without a request is kept: shorter than the server keeps it, so that it is seldom the server
  // who closes.
  std::chrono::milliseconds keep{30'000};
};

// A response whose body is read as it comes. Destroying it before its end closes the connection, which tells the server
// that nobody wants the rest.
class HttpResponse {
 public:
  virtual ~HttpResponse() = default;
  virtual const ResponseHead& head() const = 0;
  // The next part; 0 at the end. A body cut short is `protocol`.
  virtual boost::asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> buffer) = 0;
  virtual boost::asio::awaitable<Result<std::string>> read_all(std::size_t limit_bytes) = 0;
  // The whole body was read: the next read is 0 and does not wait.
  virtual bool done() const = 0;
  // What arrives before the next read wakes nobody.
  virtual void pause() noexcept = 0;
  // Wakes a pending read with `cancelled` and closes the connection.
  virtual void close() noexcept = 0;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Connects (or reuses an idle connection; a stale one is replaced once, when no part of the body was consumed),
  // sends, and waits for the response's head. A server that cannot be reached is `unavailable`, one that cannot be
  // trusted `unauthenticated`; both name the server. Any status is a value. Cancelling the coroutine closes the
  // connection.
  virtual boost::asio::awaitable<Result<std::unique_ptr<HttpResponse>>> send(HttpClientRequest request) = 0;
};

std::unique_ptr<HttpClient> make_http_client(boost::asio::any_io_executor executor, HttpEndpoint endpoint,
                                             HttpClientTimeouts timeouts = {});

// Incremental reader of a text/event-stream body (WHATWG HTML §9.2.6), bounded.
class SseParser {
 public:
  struct Event {
    std::string event;  // empty: "message"
    std::string data;
    std::string id;  // the last one seen
  };
  explicit SseParser(std::size_t max_event_bytes = 4 * 1024 * 1024) : max_event_bytes_(max_event_bytes) {}
  // Consumes bytes and hands each complete event to `sink`. too_large when one event passes the bound.
  Result<void> feed(std::string_view bytes, const std::function<void(const Event&)>& sink);

 private:
  void take_line(std::string_view line, const std::function<void(const Event&)>& sink);

  std::size_t max_event_bytes_;
  std::string line_;
  Event event_;
  bool at_start_ = true;
  bool has_data_ = false;
  bool skip_newline_ = false;
};

}  // namespace gogrid::net
