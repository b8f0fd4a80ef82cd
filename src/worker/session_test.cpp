// Proves, against a real QUIC listener, how the worker greets, reports, renews its certificate, and comes back after it
// was cut off.
#include "worker/session.hpp"

#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/task_group.hpp"
#include "net/pki.hpp"
#include "wire/frame.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
namespace quic = net::quic;
using namespace std::chrono_literals;

class Client : public SessionClient {
 public:
  wire::Hello hello() override {
    wire::Hello hello;
    hello.set_host_name("test-host");
    hello.mutable_hardware()->set_disk_bytes(disk_bytes);
    return hello;
  }
  void watch_hardware(std::chrono::seconds time) override {
    watched = time;
    wire::HardwareReading reading;
    reading.set_disk_free_bytes(7);
    session->send_reading(reading);
  }
  wire::WorkerState state() override {
    wire::WorkerState state;
    state.set_assignment_revision(revision);
    state.mutable_engine()->set_done_bytes(done_bytes);
    return state;
  }
  void connected(BlobSource its_source) override {
    ++connections;
    source = std::move(its_source);
  }
  void disconnected() override { ++disconnections; }
  void assigned(const wire::Assignment& assignment) override {
    revision = assignment.revision();
    session->state_changed(Change::important);
  }
  void released(const wire::ReleaseLeases& leases) override {
    released_leases.insert(released_leases.end(), leases.leases().begin(), leases.leases().end());
  }
  void refused() override { ++refusals; }
  asio::awaitable<void> serve(std::shared_ptr<quic::Stream> stream) override {
    ++works;
    co_await stream->finish();
  }

  Session* session = nullptr;
  int connections = 0;
  int disconnections = 0;
  int works = 0;
  int refusals = 0;
  std::vector<std::uint64_t> released_leases;
  std::uint64_t revision = 0;
  std::uint64_t done_bytes = 0;
  std::uint64_t disk_bytes = 1;
  std::chrono::seconds watched{0};
  BlobSource source;
};

// The coordinator's end of one connection.
class Peer {
 public:
  explicit Peer(std::shared_ptr<quic::Connection> its_connection) : connection(std::move(its_connection)) {}

  asio::awaitable<wire::WorkerFrame> read() {
    for (;;) {
      const auto payload = reader_.next();
      if (!payload) co_return wire::WorkerFrame();
      if (*payload) {
        auto frame = wire::decode_frame<wire::WorkerFrame>(**payload);
        co_return frame ? std::move(*frame) : wire::WorkerFrame();
      }
      const auto space = reader_.prepare();
      const auto count = co_await control->read_some(space);
      if (!count || *count == 0) co_return wire::WorkerFrame();
      reader_.commit(*count);
    }
  }
  asio::awaitable<void> write(wire::CoordinatorFrame frame) {
    const std::string bytes = wire::encode_frame(frame);
    co_await control->write(as_bytes(bytes));
  }
  // Hello in, welcome out.
  asio::awaitable<std::string> greet() {
    auto stream = co_await connection->accept_stream();
    if (!stream) co_return "";
    control = *stream;
    const auto hello = co_await read();
    wire::CoordinatorFrame welcome;
    welcome.mutable_welcome()->set_worker_id("wk_1");
    welcome.mutable_welcome()->set_blob_ticket("ticket");
    welcome.mutable_welcome()->set_https_port(1234);
    co_await write(std::move(welcome));
    co_return hello.hello().host_name();
  }

  std::shared_ptr<quic::Connection> connection;
  std::shared_ptr<quic::Stream> control;

 private:
  wire::FrameReader reader_;
};

class SessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / ("gogrid-session-" + to_hex(as_bytes(random_bytes(6))));
    std::filesystem::create_directories(directory_);
    const auto now = std::chrono::system_clock::now();
    authority_ = *net::pki::create_authority("test", now - std::chrono::hours(1000), std::chrono::hours(5000));
    identity_.worker_id = "wk_1";
    identity_.private_key = *net::pki::generate_key();
    identity_.authority = authority_.certificate;
    identity_.certificate_chain = issue(now);
    const auto server = *net::pki::issue_server_certificate(authority_, {"localhost"}, now, std::chrono::hours(24));
    quic::ListenOptions options;
    options.endpoint = {asio::ip::address_v4::loopback(), 0};
    options.credentials = {server.certificate + authority_.certificate, server.private_key, authority_.certificate};
    options.authorize = [this](const quic::PeerIdentity&) -> Result<void> {
      if (refusal_.empty()) return {};
      return Error(ErrorCode::permission_denied, refusal_);
    };
    listener_ = std::move(*quic::listen(io_.get_executor(), std::move(options)));
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string issue(std::chrono::system_clock::time_point from) {
    const auto request = net::pki::create_request(identity_.private_key, "x");
    return *net::pki::issue_client_certificate(authority_, *request, "wk_1", from, std::chrono::hours(24)) +
           authority_.certificate;
  }

  // Runs the session against `script`, which ends it.
  template <class Script>
  void run(Script script) {
    SessionOptions options;
    options.identity = identity_;
    options.identity_dir = directory_;
    options.coordinator_host = "127.0.0.1";
    options.coordinator_port = listener_->local_endpoint().port();
    options.first_retry = 20ms;
    options.longest_retry = 40ms;
    session_ = std::make_unique<Session>(io_.get_executor(), options, client_);
    client_.session = session_.get();
    TaskGroup tasks(io_.get_executor());
    tasks.spawn("session", session_->run());
    tasks.spawn("script", play(std::move(script), tasks));
    io_.run_for(60s);
    EXPECT_TRUE(ended_) << "the script did not come to its end";
  }

  template <class Script>
  asio::awaitable<void> play(Script script, TaskGroup& tasks) {
    co_await script();
    ended_ = true;
    session_->stop();
    listener_->close();
    tasks.cancel();
  }

  asio::awaitable<std::shared_ptr<Peer>> accept() {
    auto connection = co_await listener_->accept();
    co_return std::make_shared<Peer>(connection ? *connection : nullptr);
  }

  asio::io_context io_{1};
  std::filesystem::path directory_;
  net::pki::KeyAndCertificate authority_;
  Identity identity_;
  std::unique_ptr<quic::Listener> listener_;
  std::string refusal_;
  Client client_;
  std::unique_ptr<Session> session_;
  bool ended_ = false;
};

TEST_F(SessionTest, GreetsReportsAndTakesAnAssignment) {
  run([this]() -> asio::awaitable<void> {
    const auto peer = co_await accept();
    EXPECT_EQ(peer->connection->peer().common_name, "wk_1");
    const std::string host_name = co_await peer->greet();
    EXPECT_EQ(host_name, "test-host");
    const auto first = co_await peer->read();
    EXPECT_TRUE(first.has_state());
    EXPECT_EQ(client_.source.ticket, "ticket");
    EXPECT_EQ(client_.source.port, 1234);
    EXPECT_EQ(client_.source.host, "127.0.0.1");
    EXPECT_TRUE(session_->status().connected);
    wire::CoordinatorFrame frame;
    frame.mutable_assignment()->set_revision(7);
    co_await peer->write(std::move(frame));
    const auto second = co_await peer->read();
    EXPECT_EQ(second.state().assignment_revision(), 7u);
    auto work = peer->connection->open_stream();
    co_await (*work)->write(as_bytes("x"));
    std::byte buffer[8];
    co_await (*work)->read_some(buffer);
    EXPECT_EQ(client_.works, 1);
  });
  EXPECT_EQ(client_.disconnections, 1);
}

TEST_F(SessionTest, ReleasedLeasesArePassedOn) {
  run([this]() -> asio::awaitable<void> {
    const auto peer = co_await accept();
    co_await peer->greet();
    const std::string bytes = wire::encode_release({7, ~std::uint64_t{0}});
    co_await peer->control->write(as_bytes(bytes));
    // In order: what comes after it has been taken too.
    wire::CoordinatorFrame frame;
    frame.mutable_assignment()->set_revision(7);
    co_await peer->write(std::move(frame));
    for (wire::WorkerFrame state; state.state().assignment_revision() != 7;)
      state = co_await peer->read();
  });
  EXPECT_EQ(client_.released_leases, (std::vector<std::uint64_t>{7, ~std::uint64_t{0}}));
}

TEST_F(SessionTest, HardwareIsToldWhenItIsAnotherAndReadingsAsTheyCome) {
  run([this]() -> asio::awaitable<void> {
    const auto peer = co_await accept();
    co_await peer->greet();
    const auto state = co_await peer->read();
    EXPECT_TRUE(state.has_state()) << "what the hello said is not said again";
    session_->hardware_changed();
    client_.disk_bytes = 2;
    session_->hardware_changed();
    const auto hardware = co_await peer->read();
    EXPECT_EQ(hardware.hardware().disk_bytes(), 2u);
    wire::CoordinatorFrame watch;
    watch.mutable_watch_hardware()->set_seconds(10);
    co_await peer->write(std::move(watch));
    const auto told = co_await peer->read();
    EXPECT_EQ(client_.watched, 10s);
    EXPECT_EQ(told.reading().disk_free_bytes(), 7u);
  });
}

TEST_F(SessionTest, ProgressIsToldAtMostTwiceASecondAndNewsAtOnce) {
  run([this]() -> asio::awaitable<void> {
    const auto peer = co_await accept();
    co_await peer->greet();
    co_await peer->read();
    const auto begin = std::chrono::steady_clock::now();
    for (std::uint64_t done = 1; done <= 100; ++done) {
      client_.done_bytes = done;
      session_->state_changed(Change::progress);
    }
    const auto progress = co_await peer->read();
    EXPECT_EQ(progress.state().engine().done_bytes(), 100u) << "one state tells of all";
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 400ms);
    client_.done_bytes = 101;
    session_->state_changed(Change::progress);
    client_.revision = 9;
    session_->state_changed(Change::important);
    const auto news = co_await peer->read();
    EXPECT_EQ(news.state().assignment_revision(), 9u);
    EXPECT_EQ(news.state().engine().done_bytes(), 101u);
  });
}

TEST_F(SessionTest, ComesBackAfterTheConnectionIsLost) {
  run([this]() -> asio::awaitable<void> {
    for (int i = 1; i <= 3; ++i) {
      const auto peer = co_await accept();
      co_await peer->greet();
      co_await peer->read();
      EXPECT_EQ(client_.connections, i);
      peer->connection->close(0, "going away");
    }
  });
}

TEST_F(SessionTest, NonsenseFromTheCoordinatorEndsThatConnectionOnly) {
  run([this]() -> asio::awaitable<void> {
    const auto bad = co_await accept();
    co_await bad->greet();
    co_await bad->read();
    const std::string nonsense("\0\0\0\x05hello", 9);
    co_await bad->control->write(as_bytes(nonsense));
    const Error closed = co_await bad->connection->closed();
    EXPECT_NE(closed.detail, "");
    const auto good = co_await accept();
    const std::string host_name = co_await good->greet();
    EXPECT_EQ(host_name, "test-host");
    co_await good->read();
  });
}

TEST_F(SessionTest, ARefusalIsShownWithItsReason) {
  refusal_ = "this worker was revoked";
  run([this]() -> asio::awaitable<void> {
    asio::steady_timer timer(io_);
    while (session_->status().last_error.empty()) {
      timer.expires_after(10ms);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    EXPECT_NE(session_->status().last_error.find("this worker was revoked"), std::string::npos)
        << session_->status().last_error;
    EXPECT_FALSE(session_->status().connected);
    EXPECT_EQ(client_.connections, 0);
  });
  EXPECT_GE(client_.refusals, 1);
}

TEST_F(SessionTest, RenewsACertificateAfterTwoThirdsOfItsLife) {
  identity_.certificate_chain = issue(std::chrono::system_clock::now() - std::chrono::hours(17));
  const std::string fresh = issue(std::chrono::system_clock::now());
  run([this, fresh]() -> asio::awaitable<void> {
    const auto peer = co_await accept();
    co_await peer->greet();
    std::string request;
    while (request.empty()) {
      const auto frame = co_await peer->read();
      request = frame.renew_certificate().certificate_request();
    }
    EXPECT_TRUE(net::pki::issue_client_certificate(authority_, request, "wk_1", std::chrono::system_clock::now(),
                                                   std::chrono::hours(1)));
    const auto before = session_->status().certificate_expires;
    wire::CoordinatorFrame frame;
    frame.mutable_certificate_renewed()->set_certificate_chain(fresh);
    co_await peer->write(std::move(frame));
    wire::CoordinatorFrame assignment;
    assignment.mutable_assignment()->set_revision(3);
    co_await peer->write(std::move(assignment));
    for (wire::WorkerFrame state; state.state().assignment_revision() != 3;)
      state = co_await peer->read();
    EXPECT_GT(session_->status().certificate_expires, before);
  });
  EXPECT_EQ(read_file(directory_ / "worker.pem", 100'000).value(), fresh);
}

// With a full disk, say.
TEST_F(SessionTest, ARenewedCertificateThatCannotBeStoredIsUsed) {
  identity_.certificate_chain = issue(std::chrono::system_clock::now() - std::chrono::hours(17));
  const std::string fresh = issue(std::chrono::system_clock::now());
  directory_ /= "missing";
  run([this, fresh]() -> asio::awaitable<void> {
    const auto peer = co_await accept();
    co_await peer->greet();
    const std::string old_serial = peer->connection->peer().serial;
    wire::CoordinatorFrame frame;
    frame.mutable_certificate_renewed()->set_certificate_chain(fresh);
    co_await peer->write(std::move(frame));
    wire::CoordinatorFrame assignment;
    assignment.mutable_assignment()->set_revision(3);
    co_await peer->write(std::move(assignment));
    for (wire::WorkerFrame state; state.state().assignment_revision() != 3;)
      state = co_await peer->read();
    peer->connection->close(0, "again, please");
    const auto next = co_await accept();
    EXPECT_NE(next->connection->peer().serial, old_serial);
    co_await next->greet();
  });
  directory_ = directory_.parent_path();
}

}  // namespace
}  // namespace gogrid::worker
