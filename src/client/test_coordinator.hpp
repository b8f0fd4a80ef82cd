// TestCoordinator: a real HTTPS server on a port of the system's choice, with answers that a test writes down. For
// tests only. It runs on a thread of its own; what it saw may be asked from any thread.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "base/task_group.hpp"
#include "net/http_server.hpp"
#include "net/pki.hpp"

namespace gogrid::client {

class TestCoordinator {
 public:
  struct Reply {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
  };
  struct Request {
    std::string line;    // "GET /api/v1/status"
    std::string target;  // "/api/v1/jobs?limit=5"
    std::string authorization;
    std::string content_type;
    std::string body;
  };
  // Runs on the server's thread.
  using Handler = std::function<Reply(const Request&)>;

  TestCoordinator() : TestCoordinator(make_authority()) {}
  explicit TestCoordinator(net::pki::KeyAndCertificate authority) : authority_(std::move(authority)) {
    const auto leaf = net::pki::issue_server_certificate(authority_, {"localhost", "127.0.0.1"},
                                                         std::chrono::system_clock::now(), std::chrono::hours(1));
    tls_.certificate_chain = leaf.value().certificate + authority_.certificate;
    tls_.private_key = leaf.value().private_key;
    listen(0);
    thread_ = std::thread([this] { serve(); });
  }
  ~TestCoordinator() { stop(); }
  TestCoordinator(const TestCoordinator&) = delete;
  TestCoordinator& operator=(const TestCoordinator&) = delete;

  // For good. For those whose handlers use what does not live as long as this.
  void stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(loop_, [this] {
      closing_ = true;
      server_->stop(std::chrono::milliseconds(0));
    });
    thread_.join();
  }

  static net::pki::KeyAndCertificate make_authority() {
    return net::pki::create_authority("Test authority", std::chrono::system_clock::now(), std::chrono::hours(1))
        .value();
  }

  const std::string& ca() const { return authority_.certificate; }
  std::uint16_t port() const { return port_; }
  std::string url() const { return "https://localhost:" + std::to_string(port_); }

  // Answers "METHOD path" (without the query) from now on.
  void on(const std::string& line, Reply reply) {
    const std::lock_guard lock(mutex_);
    replies_[line] = std::move(reply);
  }
  void on(const std::string& line, int status, std::string body) {
    Reply reply;
    reply.status = status;
    reply.body = std::move(body);
    on(line, std::move(reply));
  }
  // Answers with what the handler says, which may be another thing each time.
  void handle(const std::string& line, Handler handler) {
    const std::lock_guard lock(mutex_);
    handlers_[line] = std::move(handler);
  }
  // Answers with these events, each in a write of its own, and if `hold` then with nothing until the client leaves.
  void stream(const std::string& line, std::vector<std::string> events, bool hold = false) {
    const std::lock_guard lock(mutex_);
    streams_[line] = {std::move(events)};
    hold_ = hold;
  }
  // The requests that follow the one for the last stream() get these; what was said last is said for ever.
  void then_stream(const std::string& line, std::vector<std::string> events) {
    const std::lock_guard lock(mutex_);
    streams_[line].push_back(std::move(events));
  }
  // Becomes ready when a client has left a stream that was held.
  std::future<void> client_left() { return left_.get_future(); }

  // Takes an upload of the blob with this SHA-256; it has `have` already.
  void expect_upload(std::string sha256, std::uint64_t size_bytes, std::string have = "") {
    const std::lock_guard lock(mutex_);
    upload_id_ = std::move(sha256);
    upload_size_ = size_bytes;
    uploaded_ = std::move(have);
  }
  // Dies, with all its connections, whenever it has taken this many bytes of a part, so many times; then it is back at
  // once.
  void die_in_upload(std::uint64_t after_bytes, int times) {
    const std::lock_guard lock(mutex_);
    die_after_ = after_bytes;
    deaths_ = times;
  }

  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::string uploaded() const {
    const std::lock_guard lock(mutex_);
    return uploaded_;
  }
  int deaths_left() const {
    const std::lock_guard lock(mutex_);
    return deaths_;
  }

 private:
  using Exchange = net::HttpExchange;

  static constexpr std::size_t max_body_bytes = 16 * 1024 * 1024;

  void listen(std::uint16_t port) {
    const boost::asio::ip::tcp::endpoint endpoint(boost::asio::ip::address_v4::loopback(), port);
    server_ = net::listen_https(loop_.get_executor(), endpoint, tls_, {}, [this](Exchange& exchange) {
                return serve_one(exchange);
              }).value();
    port_ = server_->port();
  }

  void serve() {
    while (!closing_) {
      loop_.restart();
      TaskGroup tasks(loop_.get_executor());
      tasks.spawn("server", server_->run());
      while (tasks.size() > 0 && loop_.run_one() > 0) {
      }
      if (closing_) break;
      server_.reset();
      listen(port_);
    }
  }

  boost::asio::awaitable<void> serve_one(Exchange& exchange) {
    const std::string path(exchange.request().path());
    const std::string line = exchange.request().method + " " + path;
    if (line.starts_with("PUT /api/v1/uploads/")) {
      co_await take_part(exchange);
      co_return;
    }
    Request seen;
    seen.line = line;
    seen.target = exchange.request().target;
    seen.content_type = exchange.request().headers.get("content-type").value_or("");
    seen.authorization = exchange.request().headers.get("authorization").value_or("");
    auto body = co_await exchange.read_body(max_body_bytes);
    if (body) seen.body = *body;
    std::optional<Reply> reply;
    std::optional<std::vector<std::string>> events;
    Handler handler;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(seen);
      if (const auto found = replies_.find(line); found != replies_.end()) reply = found->second;
      if (const auto found = handlers_.find(line); found != handlers_.end()) handler = found->second;
      if (const auto found = streams_.find(line); found != streams_.end()) {
        events = found->second.front();
        if (found->second.size() > 1) found->second.pop_front();
      }
      if (line == "POST /api/v1/uploads" && !upload_id_.empty()) reply = upload_state();
    }
    if (events) {
      co_await send_events(exchange, std::move(*events));
      co_return;
    }
    if (handler) reply = handler(seen);
    Reply chosen = reply ? *reply : not_found();
    net::ResponseHead head;
    head.status = chosen.status;
    head.headers.set("content-type", chosen.content_type);
    (void)co_await exchange.respond(std::move(head), std::move(chosen.body));
  }

  static Reply not_found() {
    Reply reply;
    reply.status = 404;
    reply.body =
        R"({"error":{"message":"there is no such thing","type":"invalid_request_error","code":"not_found","param":null}})";
    return reply;
  }

  boost::asio::awaitable<void> send_events(Exchange& exchange, std::vector<std::string> events) {
    net::ResponseHead head;
    head.headers.set("content-type", "text/event-stream");
    const auto started = co_await exchange.start(std::move(head));
    bool gone = !started;
    for (const std::string& event : events) {
      const std::string text = "data: " + event + "\n\n";
      const auto written = co_await exchange.write(text);
      gone = gone || !written;
    }
    if (hold_ && gone) {
      left_.set_value();
      co_return;
    }
    if (hold_) {
      using Timer = boost::asio::steady_timer;
      Timer left(loop_, Timer::time_point::max());
      // Not cancel(): the client may be gone before the wait begins.
      exchange.watch_disconnect([&left] { left.expires_at(Timer::time_point::min()); });
      boost::system::error_code ignored;
      co_await left.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
      left_.set_value();
      co_return;
    }
    (void)co_await exchange.finish();
  }

  Reply upload_state() const {
    Reply reply;
    const bool complete = uploaded_.size() == upload_size_ && Sha256::hex(as_bytes(uploaded_)) == upload_id_;
    reply.body = R"({"id":")" + upload_id_ + R"(","offset_bytes":)" + std::to_string(uploaded_.size()) +
                 R"(,"complete":)" + (complete ? "true" : "false") + "}";
    return reply;
  }

  boost::asio::awaitable<void> take_part(Exchange& exchange) {
    const std::uint64_t offset = std::stoull(exchange.request().query("offset").value_or("0"));
    Reply reply;
    if (const std::uint64_t there = uploaded().size(); offset != there) {
      reply.status = 409;
      reply.body =
          R"({"error":{"message":"wrong offset","type":"invalid_request_error","code":"wrong_offset","param":")" +
          std::to_string(there) + R"("}})";
      (void)co_await exchange.respond({reply.status, {}}, std::move(reply.body));
      co_return;
    }
    std::vector<std::byte> buffer(16 * 1024);
    std::uint64_t taken = 0;
    bool dying = false;
    for (;;) {
      const auto count = co_await exchange.read_body_some(buffer);
      if (!count) co_return;
      if (*count == 0) break;
      if (dying) continue;
      const std::lock_guard lock(mutex_);
      dying = deaths_ > 0 && taken >= die_after_;
      if (dying) {
        --deaths_;
        server_->stop(std::chrono::milliseconds(0));
        continue;
      }
      taken += *count;
      uploaded_ += as_text(std::span(buffer).first(*count));
    }
    if (dying) {
      // The whole request was there already: an answer that is cut short.
      net::ResponseHead cut;
      cut.headers.set("content-length", "10");
      (void)co_await exchange.start(std::move(cut));
      co_return;
    }
    {
      const std::lock_guard lock(mutex_);
      reply = upload_state();
    }
    net::ResponseHead head;
    (void)co_await exchange.respond(std::move(head), std::move(reply.body));
  }

  boost::asio::io_context loop_{1};
  net::pki::KeyAndCertificate authority_;
  net::ServerTls tls_;
  std::unique_ptr<net::HttpServer> server_;
  std::uint16_t port_ = 0;
  bool closing_ = false;
  std::promise<void> left_;

  mutable std::mutex mutex_;
  std::map<std::string, Reply> replies_;
  std::map<std::string, Handler> handlers_;
  std::map<std::string, std::deque<std::vector<std::string>>> streams_;
  std::atomic<bool> hold_ = false;
  std::string upload_id_;
  std::uint64_t upload_size_ = 0;
  std::string uploaded_;
  std::uint64_t die_after_ = 0;
  int deaths_ = 0;
  std::vector<Request> requests_;

  std::thread thread_;
};

}  // namespace gogrid::client
