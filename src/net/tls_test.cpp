// Who is trusted, and which certificate is shown.
#include "net/tls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>

#include "net/net_test_support.hpp"

namespace gogrid::net {
namespace {

using namespace std::chrono_literals;
using test::fetch;
using test::get;
using test::run;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
namespace asio = boost::asio;

asio::awaitable<void> hello(HttpExchange& exchange) { (void)co_await exchange.respond(ResponseHead{}, "hello"); }

class TlsTest : public testing::Test {
 protected:
  // The answer's body, or the error.
  std::string ask(const test::TestServer& server, ClientTls tls) {
    const auto client = make_http_client(io.get_executor(), server.https(std::move(tls)));
    return run(io, fetch(*client, get("/"))).body;
  }

  asio::io_context io;
};

TEST_F(TlsTest, OnlyTheGivenAuthorityIsTrustedAndTheNameMustMatch) {
  const test::TestTls ours = test::make_tls();
  const test::TestTls other = test::make_tls();
  test::TestServer server(io, ours.server, hello);

  ClientTls tls;
  tls.trusted_ca = ours.authority.certificate;
  EXPECT_EQ(ask(server, tls), "hello");
  tls.server_name = "localhost";
  EXPECT_EQ(ask(server, tls), "hello");
  tls.server_name = pki::coordinator_name;
  EXPECT_EQ(ask(server, tls), "hello");
  tls.server_name = "elsewhere";
  EXPECT_THAT(ask(server, tls),
              AllOf(StartsWith("unauthenticated: cannot trust https://127.0.0.1:"), HasSubstr("hostname mismatch")));
  tls.server_name = "10.0.0.1";
  EXPECT_THAT(ask(server, tls), AllOf(StartsWith("unauthenticated: "), HasSubstr("IP address mismatch")));

  tls = {};
  tls.trusted_ca = other.authority.certificate;
  EXPECT_THAT(ask(server, tls), StartsWith("unauthenticated: "));
  // The system's authorities do not know ours.
  EXPECT_THAT(ask(server, {}), StartsWith("unauthenticated: "));
  tls.trusted_ca = "no certificate";
  EXPECT_THAT(ask(server, tls), StartsWith("invalid_argument: "));
}

TEST_F(TlsTest, APinIsTheOnlyAuthority) {
  const test::TestTls ours = test::make_tls();
  const test::TestTls other = test::make_tls();
  test::TestServer server(io, ours.server, hello);

  ClientTls tls;
  tls.server_name = pki::coordinator_name;
  tls.pinned_authority = pki::inspect(ours.authority.certificate).value().public_key_pin;
  EXPECT_EQ(ask(server, tls), "hello");

  tls.pinned_authority = pki::inspect(other.authority.certificate).value().public_key_pin;
  // Must not help: the pin is the one authority.
  tls.trusted_ca = ours.authority.certificate;
  EXPECT_THAT(ask(server, tls), AllOf(StartsWith("unauthenticated: "), HasSubstr("not the one that was pinned")));

  tls.pinned_authority = pki::inspect(ours.authority.certificate).value().public_key_pin;
  tls.server_name = "elsewhere";
  EXPECT_THAT(ask(server, tls), StartsWith("unauthenticated: "));
}

// The attack the pin is for: a leaf of another authority, with the pinned certificate put into the chain for show.
TEST_F(TlsTest, AChainThatMerelyContainsThePinnedAuthorityIsRefused) {
  const test::TestTls ours = test::make_tls();
  test::TestTls attacker = test::make_tls();
  const auto pair =
      attacker.server.certificate_chain.substr(0, attacker.server.certificate_chain.find("-----END") + 26);
  attacker.server.certificate_chain = pair + ours.authority.certificate;
  test::TestServer server(io, attacker.server, hello);
  ClientTls tls;
  tls.server_name = pki::coordinator_name;
  tls.pinned_authority = pki::inspect(ours.authority.certificate).value().public_key_pin;
  EXPECT_THAT(ask(server, tls), StartsWith("unauthenticated: "));
}

TEST_F(TlsTest, TheInternalNameGetsTheInternalPairAndAllOthersThePublicOne) {
  const test::TestTls open = test::make_tls();
  const test::TestTls internal = test::make_tls();
  ServerTls both = open.server;
  both.internal_name = pki::coordinator_name;
  both.internal_certificate_chain = internal.server.certificate_chain;
  both.internal_private_key = internal.server.private_key;
  test::TestServer server(io, both, hello);

  ClientTls outside;
  outside.trusted_ca = open.authority.certificate;
  ClientTls inside;
  inside.trusted_ca = internal.authority.certificate;
  EXPECT_EQ(ask(server, outside), "hello");
  outside.server_name = "localhost";
  EXPECT_EQ(ask(server, outside), "hello");
  EXPECT_THAT(ask(server, inside), StartsWith("unauthenticated: "));
  inside.server_name = pki::coordinator_name;
  EXPECT_EQ(ask(server, inside), "hello");
  outside.server_name = pki::coordinator_name;
  EXPECT_THAT(ask(server, outside), StartsWith("unauthenticated: "));
}

TEST_F(TlsTest, ANewCertificateServesNewConnectionsAndABadOneChangesNothing) {
  const test::TestTls before = test::make_tls();
  const test::TestTls after = test::make_tls();
  test::TestServer server(io, before.server, hello);
  ClientTls trust_before;
  trust_before.trusted_ca = before.authority.certificate;
  ClientTls trust_after;
  trust_after.trusted_ca = after.authority.certificate;
  const auto kept = make_http_client(io.get_executor(), server.https(trust_before));
  EXPECT_EQ(run(io, fetch(*kept, get("/"))).body, "hello");

  ServerTls mixed = after.server;
  mixed.private_key = before.server.private_key;
  const auto refused = server.server->set_tls(mixed);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("does not belong to the certificate"));
  EXPECT_EQ(ask(server, trust_before), "hello");

  ASSERT_TRUE(server.server->set_tls(after.server));
  EXPECT_EQ(ask(server, trust_after), "hello");
  EXPECT_THAT(ask(server, trust_before), StartsWith("unauthenticated: "));
  EXPECT_EQ(run(io, fetch(*kept, get("/"))).body, "hello");
}

TEST_F(TlsTest, AnExpiredCertificateIsNamed) {
  const auto then = std::chrono::system_clock::now() - std::chrono::hours(48);
  test::TestTls tls = test::make_tls();
  tls.authority = pki::create_authority("old CA", then, std::chrono::hours(24 * 365)).value();
  const auto pair = pki::issue_server_certificate(tls.authority, {"127.0.0.1"}, then, std::chrono::hours(1)).value();
  tls.server.certificate_chain = pair.certificate;
  tls.server.private_key = pair.private_key;
  test::TestServer server(io, tls.server, hello);
  ClientTls trust;
  trust.trusted_ca = tls.authority.certificate;
  EXPECT_THAT(ask(server, trust), AllOf(StartsWith("unauthenticated: "), HasSubstr("certificate has expired")));
}

TEST_F(TlsTest, ASlowOrForeignHandshakeIsCutOff) {
  HttpLimits limits;
  limits.header_timeout = 30ms;
  const test::TestTls tls = test::make_tls();
  test::TestServer server(io, tls.server, hello, limits);
  for (const std::string_view first : {"", "\x16\x03\x01", "GET / HTTP/1.1\r\n\r\n"}) {
    asio::ip::tcp::socket socket(io);
    socket.connect(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), server.server->port()));
    socket.write_some(asio::buffer(first));
    const auto until_closed = [&]() -> asio::awaitable<void> {
      std::string all;
      co_await asio::async_read(socket, asio::dynamic_buffer(all), test::token);
    };
    run(io, until_closed());
  }
  EXPECT_EQ(server.server->connections(), 0u);
}

TEST_F(TlsTest, APortInUseIsAConflict) {
  const test::TestTls tls = test::make_tls();
  test::TestServer server(io, tls.server, hello);
  const asio::ip::tcp::endpoint taken(asio::ip::address_v4::loopback(), server.server->port());
  const auto second = listen_https(io.get_executor(), taken, tls.server, {}, hello);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_THAT(second.error().detail, HasSubstr("choose another port"));
}

}  // namespace
}  // namespace gogrid::net
