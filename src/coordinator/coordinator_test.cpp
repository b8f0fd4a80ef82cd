// Starting and stopping: what keeps a coordinator from starting is one line that says what to do; stopping lets what
// runs finish.
#include "coordinator/coordinator_test_support.hpp"

#include <sys/stat.h>

#include <boost/asio/ip/udp.hpp>

namespace gogrid::coordinator {
namespace {

namespace asio = boost::asio;
using domain::test::good_gguf;
using testing::HasSubstr;
using testing::Not;

class CoordinatorStart : public test::CoordinatorTest {
 protected:
  Error failure() {
    auto started = net::test::run(io, Coordinator::start(io.get_executor(), config, clock));
    EXPECT_FALSE(started);
    if (started) return {};
    EXPECT_THAT(started.error().detail, Not(HasSubstr("\n")));
    return started.error();
  }
  mode_t mode(const std::string& name) {
    struct stat info {};
    EXPECT_EQ(::stat((config.server.data_dir / name).c_str(), &info), 0) << name;
    return info.st_mode & 0777;
  }
};

TEST_F(CoordinatorStart, TheDataDirectoryIsItsOwnersOnly) {
  EXPECT_EQ(mode("."), 0700u);
  EXPECT_EQ(mode("ca.key"), 0600u);
  EXPECT_EQ(mode("gogrid.db"), 0600u);
}

TEST_F(CoordinatorStart, ASecondInitRefusesAndChangesNothing) {
  const auto again = DataDir(config.server.data_dir).initialise({}, clock);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
  start();
  EXPECT_EQ(call("GET", "/api/v1/status").status, 200);
}

TEST_F(CoordinatorStart, AnInitThatDiedIsDoneAgain) {
  const auto path = directory.path / "other";
  ASSERT_TRUE(make_directories(path));
  for (const char* file : {"init.unfinished", "ca.key", "gogrid.db"})
    ASSERT_TRUE(write_file_atomically(path / file, "half", 0600));
  config.server.data_dir = path;
  EXPECT_THAT(failure().detail, HasSubstr("gogrid-coordinator init"));
  const auto key = DataDir(path).initialise({}, clock);
  ASSERT_TRUE(key) << key.error().detail;
  admin_key = *key;
  authority = read_file(path / "ca.pem", 64 * 1024).value();
  EXPECT_FALSE(std::filesystem::exists(path / "init.unfinished"));
  start();
  EXPECT_EQ(call("GET", "/api/v1/status").status, 200);
}

TEST_F(CoordinatorStart, ADataDirectoryThatLostItsCertificateIsNotThrownAway) {
  std::filesystem::remove(config.server.data_dir / "ca.pem");
  const auto again = DataDir(config.server.data_dir).initialise({}, clock);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().detail, HasSubstr("backup"));
  EXPECT_TRUE(std::filesystem::exists(config.server.data_dir / "gogrid.db"));
}

TEST_F(CoordinatorStart, NamesThatCannotBeUsedAreRefusedBeforeAnythingIsWritten) {
  const auto path = directory.path / "other";
  for (const char* name : {"", "foo bar", "a,b", "a\"b", "-\n"}) {
    const auto refused = DataDir(path).initialise({"grid.example", name}, clock);
    ASSERT_FALSE(refused) << name;
    EXPECT_THAT(refused.error().detail, HasSubstr("--name"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(make_directories(path));
  ASSERT_TRUE(write_file_atomically(path / "coordinator.toml", "[log]\nlevel = \"debug\"\n", 0600));
  const auto refused = DataDir(path).initialise({"grid.example"}, clock);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("names = [\"grid.example\"]"));
  EXPECT_TRUE(DataDir(path).initialise({}, clock));
}

TEST_F(CoordinatorStart, AKeyCanBeMadeWithoutOneWhileNothingRuns) {
  const DataDir data_dir(config.server.data_dir);
  const auto key = data_dir.create_key({"admin"}, clock);
  ASSERT_TRUE(key) << key.error().detail;
  start();
  EXPECT_EQ(call_with_key(*key, "GET", "/api/v1/keys").status, 200);
  EXPECT_EQ(call_with_key(*key, "GET", "/v1/models").status, 403);
  const auto refused = data_dir.create_key({"admin"}, clock);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("another gogrid-coordinator"));
}

TEST_F(CoordinatorStart, AnInitThatFailsLeavesNothingBehind) {
  const auto path = directory.path / "other";
  ASSERT_TRUE(make_directories(path));
  ASSERT_TRUE(write_file_atomically(path / "blobs", "in the way", 0600));
  ASSERT_FALSE(DataDir(path).initialise({}, clock));
  EXPECT_FALSE(std::filesystem::exists(path / "ca.key"));
  std::filesystem::remove(path / "blobs");
  EXPECT_TRUE(DataDir(path).initialise({"grid.example"}, clock));
  EXPECT_THAT(read_file(path / "coordinator.toml", 1000).value(), HasSubstr("names = [\"grid.example\"]"));
}

TEST_F(CoordinatorStart, WithoutInitItSaysToRunIt) {
  config.server.data_dir = directory.path / "nowhere";
  EXPECT_THAT(failure().detail, HasSubstr("gogrid-coordinator init"));
}

TEST_F(CoordinatorStart, ASecondOneOnTheSameDataIsRefused) {
  start();
  EXPECT_THAT(failure().detail, HasSubstr("another gogrid-coordinator"));
}

TEST_F(CoordinatorStart, ATakenPortIsAConflictWhetherTcpOrUdp) {
  asio::ip::tcp::acceptor tcp(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  config.server.port = tcp.local_endpoint().port();
  EXPECT_EQ(failure().code, ErrorCode::conflict);
  asio::ip::udp::socket udp(io, asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0));
  config.server.port = udp.local_endpoint().port();
  EXPECT_EQ(failure().code, ErrorCode::conflict);
}

TEST_F(CoordinatorStart, BrokenThingsAreNamed) {
  config.server.bind_addr = "nowhere.example";
  EXPECT_THAT(failure().detail, HasSubstr("server.bind_addr"));
  config.server.bind_addr = "127.0.0.1";
  config.tls.cert_path = config.tls.key_path = directory.path / "missing.pem";
  EXPECT_THAT(failure().detail, HasSubstr("tls.cert_path"));
  config.tls.cert_path = config.server.data_dir / "ca.pem";
  config.tls.key_path = directory.path / "other.key";
  ASSERT_TRUE(write_file_atomically(config.tls.key_path, net::pki::generate_key().value(), 0600));
  EXPECT_THAT(failure().detail, HasSubstr("do not belong together"));
  config.tls = {};
  ASSERT_TRUE(write_file_atomically(config.server.data_dir / "ca.key", net::pki::generate_key().value(), 0600));
  EXPECT_THAT(failure().detail, HasSubstr("ca.pem"));
}

TEST_F(CoordinatorStart, WorkersSeeItsOwnCertificateAndClientsThePublicOneAlsoANewOne) {
  const auto now = std::chrono::system_clock::now();
  config.tls.cert_path = directory.path / "public.pem";
  config.tls.key_path = directory.path / "public.key";
  const auto write_pair = [&](const net::pki::KeyAndCertificate& issuer) {
    const auto pair = net::pki::issue_server_certificate(issuer, {"127.0.0.1"}, now, std::chrono::hours(1)).value();
    ASSERT_TRUE(write_file_atomically(config.tls.cert_path, pair.certificate, 0600));
    ASSERT_TRUE(write_file_atomically(config.tls.key_path, pair.private_key, 0600));
  };
  const auto status_with = [&](const std::string& trusted, const std::string& name) {
    net::ClientTls tls;
    tls.trusted_ca = trusted;
    tls.server_name = name;
    client = net::make_http_client(io.get_executor(),
                                   net::HttpEndpoint::https("127.0.0.1", coordinator->endpoint().port(), tls));
    return call("GET", "/healthz").status;
  };
  const auto first = net::pki::create_authority("first", now, std::chrono::hours(1)).value();
  const auto second = net::pki::create_authority("second", now, std::chrono::hours(1)).value();
  write_pair(first);
  start();
  EXPECT_EQ(status_with(first.certificate, ""), 200);
  EXPECT_EQ(status_with(authority, ""), 0);
  EXPECT_EQ(status_with(authority, net::pki::coordinator_name), 200);

  write_pair(second);
  coordinator->reload_certificates();
  EXPECT_EQ(status_with(second.certificate, ""), 200);
  ASSERT_TRUE(write_file_atomically(config.tls.key_path, "nonsense", 0600));
  coordinator->reload_certificates();
  EXPECT_EQ(status_with(second.certificate, ""), 200);
  EXPECT_EQ(status_with(authority, net::pki::coordinator_name), 200);
}

TEST_F(CoordinatorStart, WhatRunsWhenItStopsIsFinished) {
  start();
  const std::string file = good_gguf();
  const auto body = upload_of(file, "m");
  ASSERT_EQ(call("POST", "/api/v1/uploads", body).status, 201);
  net::test::Event half(io.get_executor());
  net::test::Event go_on(io.get_executor());
  int status = 0;
  const auto slow = [&]() -> asio::awaitable<void> {
    net::HttpClientRequest made = request("PUT", "/api/v1/uploads/" + body["sha256"].get<std::string>() + "?offset=0");
    made.body_length_bytes = file.size();
    std::size_t sent = 0;
    made.body_source = [&](std::span<std::byte> buffer) -> asio::awaitable<Result<std::size_t>> {
      if (sent > 0) {
        half.set();
        co_await go_on.wait();
      }
      const std::size_t count = std::min(buffer.size(), (sent == 0 ? file.size() / 2 : file.size() - sent));
      std::memcpy(buffer.data(), file.data() + sent, count);
      sent += count;
      co_return count;
    };
    const auto answer = co_await net::test::fetch(*client, std::move(made));
    status = answer.status;
    EXPECT_EQ(answer.status, 200) << answer.body;
  };
  TaskGroup group(io.get_executor());
  group.spawn("slow", slow());
  net::test::run(io, half.wait());
  // A whole exchange on another connection: by its end the coordinator has read what came before.
  const auto other = make_client();
  EXPECT_EQ(net::test::run(io, net::test::fetch(*other, request("GET", "/healthz"))).status, 200);
  coordinator->stop();
  go_on.set();
  net::test::run(io, group.wait());
  EXPECT_EQ(status, 200);
  net::test::run(io, tasks->wait());
  coordinator.reset();
  start();
  EXPECT_EQ(call("GET", "/api/v1/models/m").status, 200);
}

}  // namespace
}  // namespace gogrid::coordinator
