// Who may connect to whom: mutual authentication, refusals that tell why, many handshakes at once, and hostile
// datagrams.
#include <boost/asio/ip/udp.hpp>
#include <random>

#include "net/quic/quic_test_support.hpp"

namespace gogrid::net::quic::testing {
namespace {

class HandshakeTest : public QuicTest {
 protected:
  // What connect() answers, with `change` made to its options.
  asio::awaitable<Result<Handle>> try_connect(std::function<void(ConnectOptions&)> change) {
    ConnectOptions options = connect_options();
    change(options);
    co_return co_await connect(io_.get_executor(), std::move(options));
  }

  asio::awaitable<void> expect_usable() {
    const Pair pair = co_await connected();
    spawn([server = pair.server] { return echo(server); });
    const auto stream = pair.client->open_stream().value();
    co_await write_all(stream, "still here");
    co_await finish(stream);
    EXPECT_EQ(co_await read_all(stream), "still here");
    pair.client->close(0, "");
  }
};

TEST_F(HandshakeTest, BothSidesLearnWhoTheOtherIs) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    const auto worker = pki::inspect(Certificates::get().worker.certificate_chain).value();
    const auto server = pki::inspect(Certificates::get().server.certificate_chain).value();
    EXPECT_EQ(pair.server->peer().common_name, "wk_test");
    EXPECT_EQ(pair.server->peer().serial, worker.serial);
    EXPECT_EQ(pair.server->peer().fingerprint, worker.fingerprint);
    EXPECT_EQ(pair.client->peer().common_name, pki::coordinator_name);
    EXPECT_EQ(pair.client->peer().fingerprint, server.fingerprint);
    EXPECT_EQ(pair.client->remote_endpoint(), listener_->local_endpoint());
    EXPECT_EQ(pair.server->remote_endpoint().address(), listener_->local_endpoint().address());
    EXPECT_GT(pair.client->smoothed_rtt().count(), 0);
  });
}

TEST_F(HandshakeTest, AClientOfAnotherAuthorityIsRefusedWithAReason) {
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    const auto result = co_await try_connect([](auto& options) { options.credentials = Certificates::get().stranger; });
    EXPECT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::unauthenticated);
    EXPECT_NE(result.error().detail.find("issuer is unknown"), std::string::npos) << result.error().detail;
    co_await expect_usable();
  });
}

TEST_F(HandshakeTest, AServerOfAnotherAuthorityIsNotTrusted) {
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    const std::string other = pki::create_authority("other", std::chrono::system_clock::now(), 1h).value().certificate;
    const auto result = co_await try_connect([&](auto& options) { options.credentials.trusted_ca = other; });
    EXPECT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::unauthenticated);
    EXPECT_NE(result.error().detail.find("server's certificate"), std::string::npos) << result.error().detail;
  });
}

TEST_F(HandshakeTest, TheServersNameIsVerified) {
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    const auto result = co_await try_connect([](auto& options) { options.server_name = "coordinator.example"; });
    EXPECT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::unauthenticated);
    EXPECT_NE(result.error().detail.find("does not match"), std::string::npos) << result.error().detail;
  });
}

TEST_F(HandshakeTest, AWorkersCertificateIsNoServers) {
  run([this]() -> asio::awaitable<void> {
    ListenOptions options = listen_options();
    options.credentials = Certificates::get().worker;
    start_listener(options);
    const auto result = co_await try_connect([](auto& change) { change.server_name = "wk_test"; });
    EXPECT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::unauthenticated);
  });
}

TEST_F(HandshakeTest, AuthorizeRefusesWithItsReason) {
  run([this]() -> asio::awaitable<void> {
    ListenOptions options = listen_options();
    bool refuse = true;
    std::string asked;
    options.authorize = [&](const PeerIdentity& peer) -> Result<void> {
      asked = peer.common_name;
      if (refuse) return Error(ErrorCode::permission_denied, "this worker was revoked");
      return {};
    };
    start_listener(options);
    const auto result = co_await connect_client();
    EXPECT_EQ(asked, "wk_test");
    EXPECT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::permission_denied);
    EXPECT_NE(result.error().detail.find("this worker was revoked"), std::string::npos) << result.error().detail;
    refuse = false;
    co_await expect_usable();
  });
}

TEST_F(HandshakeTest, AnotherProtocolNameIsRefused) {
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    const auto result = co_await try_connect([](auto& options) { options.transport.alpn = "other/1"; });
    EXPECT_FALSE(result.has_value());
  });
}

TEST_F(HandshakeTest, NothingListening) {
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    ConnectOptions options = connect_options();
    listener_.reset();
    const auto result = co_await connect(io_.get_executor(), std::move(options));
    EXPECT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::unavailable);
  });
}

TEST_F(HandshakeTest, ASilentServerEndsInATimeout) {
  run([this]() -> asio::awaitable<void> {
    asio::ip::udp::socket silent(io_, {asio::ip::address_v4::loopback(), 0});
    ConnectOptions options;
    options.host = "127.0.0.1";
    options.port = silent.local_endpoint().port();
    options.server_name = pki::coordinator_name;
    options.credentials = Certificates::get().worker;
    options.transport.handshake_timeout = 200ms;
    const auto result = co_await connect(io_.get_executor(), std::move(options));
    EXPECT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::timeout);
  });
}

// A client's socket takes answers only from the address it sent to, so a server of every address must answer from that
// one.
TEST_F(HandshakeTest, AServerOfEveryAddressAnswersFromTheOneItWasAsked) {
  run([this]() -> asio::awaitable<void> {
    ListenOptions options = listen_options();
    options.endpoint = {asio::ip::address_v4::any(), 0};
    start_listener(options);
    const auto client = co_await try_connect([](auto& to) { to.host = "127.0.0.2"; });
    EXPECT_TRUE(client.has_value()) << client.error().detail;
    const auto server = (co_await listener_->accept()).value();
    EXPECT_EQ(server->remote_endpoint().address(), asio::ip::make_address("127.0.0.1"));
  });
}

TEST_F(HandshakeTest, AnIpv6ServerTakesIpv4ClientsToo) {
  ListenOptions options = listen_options();
  options.endpoint = {asio::ip::address_v6::any(), 0};
  auto made = listen(io_.get_executor(), std::move(options));
  if (!made) GTEST_SKIP() << made.error().detail;
  listener_ = std::move(*made);
  run([this]() -> asio::awaitable<void> {
    for (const char* const host : {"127.0.0.2", "::1"}) {
      const auto client = co_await try_connect([&](auto& to) { to.host = host; });
      EXPECT_TRUE(client.has_value()) << host << ": " << client.error().detail;
      if (!client) co_return;
      const auto server = (co_await listener_->accept()).value();
      EXPECT_EQ(server->remote_endpoint().address().is_v4(), std::string_view(host) == "127.0.0.2");
    }
  });
}

TEST_F(HandshakeTest, APortInUseIsAConflict) {
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    ListenOptions options = listen_options();
    options.endpoint = listener_->local_endpoint();
    const auto second = listen(io_.get_executor(), std::move(options));
    EXPECT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::conflict);
    co_return;
  });
}

TEST_F(HandshakeTest, BadCredentialsAreInvalidArguments) {
  run([this]() -> asio::awaitable<void> {
    ListenOptions options = listen_options();
    options.credentials.private_key = Certificates::get().worker.private_key;
    const auto mismatched = listen(io_.get_executor(), std::move(options));
    EXPECT_FALSE(mismatched.has_value());
    EXPECT_EQ(mismatched.error().code, ErrorCode::invalid_argument);
    start_listener(listen_options());
    EXPECT_FALSE(listener_->set_credentials(Credentials{"x", "y", "z"}));
    co_await expect_usable();
  });
}

TEST_F(HandshakeTest, RenewedCredentialsServeNewConnections) {
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    const Pair before = co_await connected();
    EXPECT_TRUE(listener_->set_credentials(Certificates::get().server));
    co_await expect_usable();
    const auto stream = before.client->open_stream().value();
    co_await write_all(stream, "x");
    const auto seen = (co_await before.server->accept_stream()).value();
    EXPECT_EQ(seen->id(), stream->id());
  });
}

TEST_F(HandshakeTest, ManyAtOnce) {
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    constexpr int count = 64;
    int connected_count = 0;
    std::vector<Handle> clients;
    for (int i = 0; i < count; ++i) {
      spawn([&]() -> asio::awaitable<void> {
        Result<Handle> client = co_await connect_client();
        EXPECT_TRUE(client.has_value()) << client.error().detail;
        if (client) clients.push_back(*client);
        ++connected_count;
      });
    }
    std::vector<Handle> servers;
    servers.reserve(count);
    for (int i = 0; i < count; ++i)
      servers.push_back((co_await listener_->accept()).value());
    while (connected_count < count)
      co_await asio::post(io_, asio::use_awaitable);
    EXPECT_EQ(servers.size(), clients.size());
  });
}

// With room for eight handshakes one address may have one without a proof that it is its own.
TEST_F(HandshakeTest, UnderPressureARetryProvesTheAddress) {
  run([this]() -> asio::awaitable<void> {
    ListenOptions options = listen_options();
    options.max_handshakes = 8;
    start_listener(options);
    const auto first = (co_await connect_client()).value();
    const auto second = (co_await connect_client()).value();
    const auto first_seen = (co_await listener_->accept()).value();
    const auto second_seen = (co_await listener_->accept()).value();
    EXPECT_NE(first_seen->remote_endpoint(), second_seen->remote_endpoint());
  });
}

// First packets that nobody follows up: captured from clients that call a dead port.
class FloodTest : public HandshakeTest {
 protected:
  asio::awaitable<std::string> capture_initial() {
    asio::ip::udp::socket trap(io_, {asio::ip::address_v4::loopback(), 0});
    ConnectOptions options = connect_options();
    options.port = trap.local_endpoint().port();
    options.transport.handshake_timeout = 100ms;
    spawn([this, options]() -> asio::awaitable<void> {
      ConnectOptions copy = options;
      EXPECT_FALSE(co_await connect(io_.get_executor(), std::move(copy)));
    });
    std::string packet(1500, '\0');
    packet.resize(co_await trap.async_receive(asio::buffer(packet), asio::use_awaitable));
    co_return packet;
  }

  // From the host 127.0.0.`host`.
  asio::awaitable<asio::ip::udp::socket> flood(int host, int count) {
    const auto address = asio::ip::make_address_v4("127.0.0." + std::to_string(host));
    asio::ip::udp::socket attacker(io_, {address, 0});
    const asio::ip::udp::endpoint target(asio::ip::address_v4::loopback(), listener_->local_endpoint().port());
    for (int i = 0; i < count; ++i) {
      const std::string packet = co_await capture_initial();
      attacker.send_to(asio::buffer(packet), target);
    }
    co_return attacker;
  }
};

TEST_F(FloodTest, OneAddressTakesAFewHandshakesOnly) {
  run([this]() -> asio::awaitable<void> {
    ListenOptions options = listen_options();
    options.max_handshakes = 32;
    options.transport.handshake_timeout = 500ms;
    start_listener(options);
    const auto attacker = co_await flood(2, 24);
    // Twelve more than a half: without a share for each address, this client would be asked for a proof, or not be
    // heard.
    const auto before = std::chrono::steady_clock::now();
    EXPECT_TRUE(co_await connect_client());
    EXPECT_LT(std::chrono::steady_clock::now() - before, 400ms);
    EXPECT_TRUE(co_await listener_->accept());
    listener_.reset();
  });
}

TEST_F(FloodTest, WhenAllHandshakesAreTakenTheOldestMakesRoom) {
  run([this]() -> asio::awaitable<void> {
    ListenOptions options = listen_options();
    options.max_handshakes = 2;
    options.endpoint = {asio::ip::address_v6::any(), 0};
    options.transport.handshake_timeout = 2s;
    start_listener(options);
    const auto attacker = co_await flood(2, 1);
    const auto first = co_await connect_client();
    EXPECT_TRUE(first);
    const auto before = std::chrono::steady_clock::now();
    ConnectOptions over_v6 = connect_options();
    over_v6.host = "::1";
    const auto second = co_await connect(io_.get_executor(), std::move(over_v6));
    EXPECT_TRUE(second);
    EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
    listener_.reset();
  });
}

TEST_F(HandshakeTest, AClosedListenerKeepsItsConnectionsAndTakesNoMore) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    const ConnectOptions options = connect_options();
    listener_->close();
    const auto accepted = co_await listener_->accept();
    EXPECT_EQ(accepted.error().code, ErrorCode::cancelled);
    ConnectOptions late = options;
    const auto refused = co_await connect(io_.get_executor(), std::move(late));
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    const auto stream = pair.client->open_stream().value();
    co_await write_all(stream, "x");
    EXPECT_TRUE(co_await pair.server->accept_stream());
  });
}

TEST_F(HandshakeTest, GarbageAndMutilatedPacketsHurtNobody) {
  run([this]() -> asio::awaitable<void> {
    start_listener(listen_options());
    const Pair pair = co_await connected();
    asio::ip::udp::socket attacker(io_, {asio::ip::address_v4::loopback(), 0});
    std::mt19937 random(7);
    std::string packet;
    for (int i = 0; i < 3000; ++i) {
      packet.resize(random() % 1500);
      for (char& c : packet)
        c = static_cast<char>(random());
      if (!packet.empty() && i % 3 == 0) packet[0] = static_cast<char>(0xc0 | (random() % 16));
      // A long header of version 1 with short connection ids.
      if (i % 2 == 0 && packet.size() > 20) {
        packet[1] = packet[2] = packet[3] = 0;
        packet[4] = 1;
        packet[5] = 8;
      }
      boost::system::error_code ignored;
      attacker.send_to(asio::buffer(packet), listener_->local_endpoint(), 0, ignored);
      if (i % 50 == 0) co_await asio::post(io_, asio::use_awaitable);
    }
    spawn([server = pair.server] { return echo(server); });
    const auto stream = pair.client->open_stream().value();
    co_await write_all(stream, "ping");
    co_await finish(stream);
    EXPECT_EQ(co_await read_all(stream), "ping");
    pair.client->close(0, "");
    co_await expect_usable();
  });
}

}  // namespace
}  // namespace gogrid::net::quic::testing
