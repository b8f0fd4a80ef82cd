// For the tests of net/quic: certificates, an event loop, a server and clients on the loopback interface.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "base/encoding.hpp"
#include "net/pki.hpp"
#include "net/quic/quic.hpp"

namespace gogrid::net::quic::testing {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// Made once: an authority, a server and a worker certificate under it, and a worker certificate of a stranger.
struct Certificates {
  static const Certificates& get() {
    static const Certificates made;
    return made;
  }

  Credentials server;
  Credentials worker;
  Credentials stranger;

 private:
  Certificates() {
    const auto now = std::chrono::system_clock::now();
    const auto authority = pki::create_authority("authority", now, 24h).value();
    const auto other = pki::create_authority("another authority", now, 24h).value();
    const auto issued = pki::issue_server_certificate(authority, {"localhost"}, now, 1h).value();
    server = {issued.certificate, issued.private_key, authority.certificate};
    worker = client(authority, authority, "wk_test", now);
    stranger = client(other, authority, "wk_stranger", now);
  }

  static Credentials client(const pki::KeyAndCertificate& issuer, const pki::KeyAndCertificate& trusted,
                            const std::string& name, std::chrono::system_clock::time_point now) {
    const std::string key = pki::generate_key().value();
    const std::string request = pki::create_request(key, name).value();
    return {pki::issue_client_certificate(issuer, request, name, now, 1h).value(), key, trusted.certificate};
  }
};

class QuicTest : public ::testing::Test {
 protected:
  using Handle = std::shared_ptr<Connection>;

  struct Pair {
    Handle client;
    Handle server;
  };

  // Runs `body` to its end. Afterwards nothing may be left to do: sockets, timers and connections clean up after
  // themselves.
  void run(std::function<asio::awaitable<void>()> body) {
    bool done = false;
    asio::co_spawn(io_, std::move(body), [&](std::exception_ptr failure) {
      done = true;
      listener_.reset();
      if (failure) std::rethrow_exception(failure);
    });
    io_.run_for(60s);
    ASSERT_TRUE(done) << "the test did not end in time";
    EXPECT_TRUE(io_.stopped()) << "something is left running";
  }

  void spawn(std::function<asio::awaitable<void>()> body) {
    asio::co_spawn(io_, std::move(body), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }

  ListenOptions listen_options() const {
    ListenOptions options;
    options.endpoint = {asio::ip::address_v4::loopback(), 0};
    options.credentials = Certificates::get().server;
    options.transport = transport_;
    // As a coordinator has it: the same after a restart.
    options.reset_secret = "a secret that outlives restarts";
    return options;
  }

  void start_listener(ListenOptions options) { listener_ = listen(io_.get_executor(), std::move(options)).value(); }

  ConnectOptions connect_options() const {
    ConnectOptions options;
    options.host = "127.0.0.1";
    options.port = listener_->local_endpoint().port();
    options.server_name = pki::coordinator_name;
    options.credentials = Certificates::get().worker;
    options.transport = transport_;
    return options;
  }

  asio::awaitable<Result<Handle>> connect_client() {
    ConnectOptions options = connect_options();
    co_return co_await connect(io_.get_executor(), std::move(options));
  }

  asio::awaitable<Pair> connected() {
    if (!listener_) start_listener(listen_options());
    Pair pair;
    pair.client = (co_await connect_client()).value();
    pair.server = (co_await listener_->accept()).value();
    co_return pair;
  }

  static asio::awaitable<std::string> read_all(std::shared_ptr<Stream> stream) {
    std::string text;
    std::string buffer(64 * 1024, '\0');
    for (;;) {
      const auto bytes = std::as_writable_bytes(std::span(buffer));
      const Result<std::size_t> count = co_await stream->read_some(bytes);
      if (!count) throw std::runtime_error("read: " + count.error().detail);
      if (*count == 0) co_return text;
      text.append(buffer, 0, *count);
    }
  }

  static asio::awaitable<void> write_all(std::shared_ptr<Stream> stream, const std::string& text) {
    const Result<void> written = co_await stream->write(as_bytes(text));
    if (!written) throw std::runtime_error("write: " + written.error().detail);
  }

  static asio::awaitable<void> finish(std::shared_ptr<Stream> stream) {
    const Result<void> finished = co_await stream->finish();
    if (!finished) throw std::runtime_error("finish: " + finished.error().detail);
  }

  // Sends back whatever comes on every stream, until the connection ends.
  static asio::awaitable<void> echo(Handle connection) {
    const auto executor = co_await asio::this_coro::executor;
    for (;;) {
      Result<std::shared_ptr<Stream>> stream = co_await connection->accept_stream();
      if (!stream) co_return;
      asio::co_spawn(executor, echo_stream(*stream), asio::detached);
    }
  }

  static asio::awaitable<void> echo_stream(std::shared_ptr<Stream> stream) {
    std::string buffer(16 * 1024, '\0');
    for (;;) {
      const auto bytes = std::as_writable_bytes(std::span(buffer));
      const Result<std::size_t> count = co_await stream->read_some(bytes);
      if (!count) co_return;
      if (*count == 0) break;
      const Result<void> written = co_await stream->write(as_bytes(buffer).first(*count));
      if (!written) co_return;
    }
    co_await stream->finish();
  }

  asio::io_context io_;
  TransportOptions transport_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace gogrid::net::quic::testing
