// Networks that change, vanish and lose packets, seen through a relay that stands between client and server.
#include <boost/asio/ip/udp.hpp>
#include <random>

#include "net/quic/connection.hpp"
#include "net/quic/quic_test_support.hpp"

namespace gogrid::net::quic::testing {
namespace {

// Forwards datagrams between one client and a server. Its server-side socket can change, as a NAT's mapping does.
class Relay {
 public:
  Relay(asio::io_context& io, asio::ip::udp::endpoint server) : io_(io), front_(io, loopback()), server_(server) {
    rebind();
    receive_front();
  }

  std::uint16_t port() const { return front_.local_endpoint().port(); }
  // From a fresh port from now on.
  void rebind() {
    if (back_) back_->close();
    back_ = std::make_shared<asio::ip::udp::socket>(io_, loopback());
    receive_back(back_);
  }
  void forward_to(asio::ip::udp::endpoint server) { server_ = server; }
  void stop() {
    front_.close();
    back_->close();
  }

  bool silent = false;
  // One datagram in this many is lost; 0: none.
  unsigned loss = 0;
  // Datagrams that came.
  int from_client = 0;
  int from_server = 0;

 private:
  using Buffer = std::array<char, 65536>;
  static asio::ip::udp::endpoint loopback() { return {asio::ip::address_v4::loopback(), 0}; }
  bool lost() { return silent || (loss != 0 && random_() % loss == 0); }

  void receive_front() {
    auto buffer = std::make_shared<Buffer>();
    auto from = std::make_shared<asio::ip::udp::endpoint>();
    front_.async_receive_from(asio::buffer(*buffer), *from, [this, buffer, from](auto error, std::size_t size) {
      if (error == asio::error::operation_aborted) return;
      client_ = *from;
      ++from_client;
      boost::system::error_code ignored;
      if (!error && !lost()) back_->send_to(asio::buffer(buffer->data(), size), server_, 0, ignored);
      receive_front();
    });
  }

  void receive_back(std::shared_ptr<asio::ip::udp::socket> socket) {
    auto buffer = std::make_shared<Buffer>();
    auto from = std::make_shared<asio::ip::udp::endpoint>();
    socket->async_receive_from(asio::buffer(*buffer), *from,
                               [this, socket, buffer, from](auto error, std::size_t size) {
                                 if (error == asio::error::operation_aborted || socket != back_) return;
                                 ++from_server;
                                 boost::system::error_code ignored;
                                 if (!error && !lost())
                                   front_.send_to(asio::buffer(buffer->data(), size), client_, 0, ignored);
                                 receive_back(socket);
                               });
  }

  asio::io_context& io_;
  asio::ip::udp::socket front_;
  std::shared_ptr<asio::ip::udp::socket> back_;
  asio::ip::udp::endpoint server_;
  asio::ip::udp::endpoint client_;
  std::mt19937 random_{1};
};

class MigrationTest : public QuicTest {
 protected:
  asio::awaitable<Pair> connected_through(Relay& relay) {
    Pair pair;
    ConnectOptions options = connect_options();
    options.port = relay.port();
    pair.client = (co_await connect(io_.get_executor(), std::move(options))).value();
    pair.server = (co_await listener_->accept()).value();
    co_return pair;
  }

  // Both ends know of it before the relay goes.
  static asio::awaitable<void> close(const Pair& pair) {
    pair.client->close(0, "");
    co_await pair.server->closed();
  }

  // Echoes `size` bytes and calls `meanwhile` about every tenth of them.
  asio::awaitable<void> transfer(const Pair& pair, std::size_t size, std::function<void()> meanwhile) {
    spawn([server = pair.server] { return echo(server); });
    const auto stream = pair.client->open_stream().value();
    spawn([&, size, stream]() -> asio::awaitable<void> {
      const std::string text(size / 100, 'x');
      for (int i = 0; i < 100; ++i)
        co_await write_all(stream, text);
      co_await finish(stream);
    });
    std::string buffer(16 * 1024, '\0');
    std::size_t total = 0;
    std::size_t next = size / 10;
    for (;;) {
      const auto bytes = std::as_writable_bytes(std::span(buffer));
      const Result<std::size_t> count = co_await stream->read_some(bytes);
      if (!count) throw std::runtime_error("read: " + count.error().detail);
      if (*count == 0) break;
      total += *count;
      if (total >= next) {
        next += size / 10;
        meanwhile();
      }
    }
    EXPECT_EQ(total, size);
  }

  // The server takes a new address when it has validated it, a few packets after the last move.
  asio::awaitable<void> settle(const Pair& pair, asio::ip::udp::endpoint before) {
    for (int i = 0; i < 100 && pair.server->remote_endpoint() == before; ++i)
      co_await transfer(pair, 10'000, [] {});
  }
};

TEST_F(MigrationTest, TheClientMovesToAnotherSocketInMidTransfer) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    const auto before = pair.server->remote_endpoint();
    int moved = 0;
    co_await transfer(pair, 20'000'000, [&] {
      const Result<void> result = rebind(*pair.client);
      if (result) ++moved;
    });
    EXPECT_GE(moved, 2);
    // Moves that overtake each other may all be given up, and use up the connection ids for a while; one that is left
    // in peace arrives.
    for (int i = 0; i < 20 && pair.server->remote_endpoint() == before; ++i) {
      const Result<void> calm = rebind(*pair.client);
      if (!calm) co_await transfer(pair, 10'000, [] {});
      if (calm) co_await settle(pair, before);
    }
    EXPECT_NE(pair.server->remote_endpoint(), before);
    pair.client->close(0, "");
  });
}

TEST_F(MigrationTest, KeysChangeInMidTransfer) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    int changed = 0;
    co_await transfer(pair, 20'000'000, [&] {
      if (dynamic_cast<Ngtcp2Connection&>(*pair.client).update_keys()) ++changed;
      if (dynamic_cast<Ngtcp2Connection&>(*pair.server).update_keys()) ++changed;
    });
    EXPECT_GE(changed, 1);
    pair.client->close(0, "");
  });
}

// More connections than have cipher contexts at a time.
TEST_F(MigrationTest, ManyConnectionsShareTheCipherContexts) {
  run([this]() -> asio::awaitable<void> {
    constexpr int count = 100;
    std::vector<Pair> pairs;
    pairs.reserve(count);
    for (int i = 0; i < count; ++i)
      pairs.push_back(co_await connected());
    for (int round = 0; round < 2; ++round) {
      for (const Pair& pair : pairs) {
        const auto stream = pair.client->open_stream().value();
        co_await write_all(stream, "hello");
        co_await finish(stream);
        const auto seen = (co_await pair.server->accept_stream()).value();
        EXPECT_EQ(co_await read_all(seen), "hello");
      }
    }
    for (const Pair& pair : pairs)
      pair.client->close(0, "");
  });
}

TEST_F(MigrationTest, OnlyAClientCanMove) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    EXPECT_FALSE(rebind(*pair.server));
    pair.client->close(0, "");
    EXPECT_FALSE(rebind(*pair.client));
  });
}

TEST_F(MigrationTest, ANatThatForgetsItsMappingIsSurvived) {
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    Relay relay(io_, listener_->local_endpoint());
    const Pair pair = co_await connected_through(relay);
    const auto before = pair.server->remote_endpoint();
    co_await transfer(pair, 2'000'000, [&] { relay.rebind(); });
    co_await settle(pair, before);
    EXPECT_NE(pair.server->remote_endpoint(), before);
    co_await close(pair);
    relay.stop();
  });
}

TEST_F(MigrationTest, LossIsRepaired) {
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    Relay relay(io_, listener_->local_endpoint());
    relay.loss = 20;
    const Pair pair = co_await connected_through(relay);
    co_await transfer(pair, 1'000'000, [] {});
    relay.loss = 0;
    co_await close(pair);
    relay.stop();
  });
}

TEST_F(MigrationTest, APeerThatVanishesIsATimeoutOnBothSides) {
  transport_.idle_timeout = 300ms;
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    Relay relay(io_, listener_->local_endpoint());
    const Pair pair = co_await connected_through(relay);
    const auto stream = pair.client->open_stream().value();
    asio::steady_timer timer(io_, 700ms);
    co_await timer.async_wait(asio::use_awaitable);
    // Kept alive all the time.
    co_await write_all(stream, "x");
    const auto seen = (co_await pair.server->accept_stream()).value();
    relay.silent = true;
    EXPECT_EQ((co_await pair.client->closed()).code, ErrorCode::timeout);
    EXPECT_EQ((co_await pair.server->closed()).code, ErrorCode::timeout);
    std::array<std::byte, 8> buffer;
    EXPECT_EQ((co_await seen->read_some(buffer)).error().code, ErrorCode::timeout);
    EXPECT_EQ((co_await stream->write(buffer)).error().code, ErrorCode::timeout);
    relay.stop();
  });
}

TEST_F(MigrationTest, APeerThatVanishesWhileItIsBusyIsMissedSooner) {
  transport_.idle_timeout = 60'000ms;
  transport_.busy_timeout = 200ms;
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    Relay relay(io_, listener_->local_endpoint());
    const Pair pair = co_await connected_through(relay);
    const auto stream = pair.server->open_stream().value();
    co_await write_all(stream, "x");
    const auto seen = (co_await pair.client->accept_stream()).value();
    // Silent, but alive: it answers.
    asio::steady_timer timer(io_, 700ms);
    co_await timer.async_wait(asio::use_awaitable);
    EXPECT_TRUE(pair.server->is_open());
    relay.silent = true;
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ((co_await pair.server->closed()).code, ErrorCode::timeout);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
    std::array<std::byte, 8> buffer;
    EXPECT_EQ((co_await stream->read_some(buffer)).error().code, ErrorCode::timeout);
    relay.stop();
  });
}

// A restarted server (same reset secret) answers packets of connections that it does not know with a stateless reset.
TEST_F(MigrationTest, ARestartedServerIsNoticedAtOnce) {
  run([this]() -> asio::awaitable<void> {
    ListenOptions options = listen_options();
    options.reset_secret = "outlives restarts";
    start_listener(options);
    Relay relay(io_, listener_->local_endpoint());
    const Pair pair = co_await connected_through(relay);
    auto second = listen(io_.get_executor(), options).value();
    relay.forward_to(second->local_endpoint());
    const auto stream = pair.client->open_stream().value();
    co_await write_all(stream, "hello?");
    const Error reason = co_await pair.client->closed();
    EXPECT_EQ(reason.code, ErrorCode::unavailable) << reason.detail;
    pair.server->close(0, "");
    relay.stop();
  });
}

// Every datagram of a transfer, mutilated, comes a second time: whoever sees it drops it, the transfer goes on.
TEST_F(MigrationTest, MutilatedCopiesOfRealPacketsAreDropped) {
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    asio::ip::udp::socket proxy(io_, {asio::ip::address_v4::loopback(), 0});
    const auto server = listener_->local_endpoint();
    asio::ip::udp::endpoint client;
    std::mt19937 random(3);
    std::array<char, 65536> buffer;
    asio::ip::udp::endpoint from;
    std::function<void()> receive = [&] {
      proxy.async_receive_from(asio::buffer(buffer), from, [&](auto error, std::size_t size) {
        // A datagram that came before the socket was closed may be told after.
        if (error || !proxy.is_open()) return;
        if (size == 0) return receive();
        if (from != server) client = from;
        const auto to = from == server ? client : server;
        boost::system::error_code ignored;
        proxy.send_to(asio::buffer(buffer, size), to, 0, ignored);
        for (int i = 0; i < 3; ++i)
          buffer[random() % size] ^= static_cast<char>(1U << (random() % 8));
        const std::size_t cut = random() % 4 == 0 ? random() % size : size;
        proxy.send_to(asio::buffer(buffer, cut), to, 0, ignored);
        receive();
      });
    };
    receive();
    ConnectOptions options = connect_options();
    options.port = proxy.local_endpoint().port();
    Pair pair;
    pair.client = (co_await connect(io_.get_executor(), std::move(options))).value();
    pair.server = (co_await listener_->accept()).value();
    co_await transfer(pair, 300'000, [] {});
    co_await close(pair);
    proxy.close();
    co_await asio::post(io_, asio::use_awaitable);
  });
}

// Acknowledgements and ends of streams go with packets that are sent anyway: without that each exchange would take
// three packets each way.
TEST_F(MigrationTest, AnExchangeTakesLittleMoreThanAPacketEachWay) {
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    Relay relay(io_, listener_->local_endpoint());
    const Pair pair = co_await connected_through(relay);
    spawn([server = pair.server] { return echo(server); });
    constexpr int exchanges = 200;
    const int client_before = relay.from_client;
    const int server_before = relay.from_server;
    for (int i = 0; i < exchanges; ++i) {
      const auto stream = pair.client->open_stream().value();
      co_await write_all(stream, "a question");
      co_await finish(stream);
      EXPECT_EQ(co_await read_all(stream), "a question");
    }
    EXPECT_LT(relay.from_client - client_before, exchanges * 3 / 2);
    EXPECT_LT(relay.from_server - server_before, exchanges * 3 / 2);
    co_await close(pair);
    relay.stop();
  });
}

}  // namespace
}  // namespace gogrid::net::quic::testing
