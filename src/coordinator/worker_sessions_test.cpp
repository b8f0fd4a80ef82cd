// The control stream over real QUIC, with FakeWorker at the other end.
#include "coordinator/worker_sessions.hpp"

#include "coordinator/request_path_test_support.hpp"

namespace gogrid::coordinator {
namespace {

using namespace test;
using testing::HasSubstr;

class WorkerSessionsTest : public RequestPathTest {
 protected:
  FakeWorker& new_worker(const std::string& id) {
    workers_.push_back(std::make_unique<FakeWorker>(io_, id));
    return *workers_.back();
  }
  static std::string frame_of_hello() {
    wire::WorkerFrame frame;
    frame.mutable_hello()->set_version("0.1.0");
    return wire::encode_frame(frame);
  }
};

TEST_F(WorkerSessionsTest, AWorkerIsWelcomedAssignedAndKnown) {
  start();
  FakeWorker& worker = add_worker("wk_1");
  EXPECT_EQ(worker.welcome.worker_id(), "wk_1");
  EXPECT_EQ(worker.welcome.https_port(), 8443u);
  EXPECT_EQ(worker.welcome.blob_ticket().size(), 43u);
  ASSERT_EQ(worker.assignments.size(), 1u);
  EXPECT_EQ(worker.assignments[0].revision(), 1u);
  EXPECT_EQ(worker.assignments[0].replicas_size(), 2);
  EXPECT_EQ(worker.assignments[0].engine().blob().sha256(), "ee");
  EXPECT_EQ(sessions_->worker_of_ticket(worker.welcome.blob_ticket()), "wk_1");
  EXPECT_FALSE(sessions_->worker_of_ticket("guessed"));
  EXPECT_FALSE(sessions_->worker_of_ticket(""));
  EXPECT_THAT(sessions_->find("wk_1")->address, HasSubstr("127.0.0.1:"));
  const auto view = dispatcher_->scheduler().worker(domain::WorkerId("wk_1"));
  EXPECT_EQ(view->facts->host_name, "wk_1.local");
  EXPECT_EQ(totals().slots_free, 8u);
}

TEST_F(WorkerSessionsTest, LeasesThatNobodyResumesAreReleased) {
  start();
  FakeWorker& worker = new_worker("wk_1");
  worker.leases = {7, ~std::uint64_t{0}};
  run([&]() -> asio::awaitable<void> {
    co_await worker.connect(port());
    co_await until([&] { return worker.released_leases.size() >= 2; });
  });
  EXPECT_EQ(worker.released_leases, worker.leases);
}

TEST_F(WorkerSessionsTest, ChangesOfModelsArePushed) {
  start();
  FakeWorker& worker = add_worker("wk_1");
  add_model("third", domain::ModelKind::chat);
  refresh_models();
  run([&]() -> asio::awaitable<void> { co_await until([&] { return worker.assignments.size() == 2; }); });
  EXPECT_EQ(worker.assignments[1].revision(), 2u);
  EXPECT_EQ(worker.assignments[1].replicas_size(), 3);
}

TEST_F(WorkerSessionsTest, AWorkerThatLeavesIsForgotten) {
  start();
  FakeWorker& worker = add_worker("wk_1");
  const std::string ticket = worker.welcome.blob_ticket();
  worker.disconnect();
  run([&]() -> asio::awaitable<void> { co_await until([&] { return totals().workers_connected == 0; }); });
  EXPECT_FALSE(sessions_->find("wk_1"));
  EXPECT_FALSE(sessions_->worker_of_ticket(ticket));
}

TEST_F(WorkerSessionsTest, ARevokedWorkerIsRefusedWithTheReason) {
  start();
  revoked_.insert("wk_bad");
  FakeWorker& worker = new_worker("wk_bad");
  run([&]() -> asio::awaitable<void> {
    const bool connected = co_await worker.connect(port());
    EXPECT_FALSE(connected);
  });
  EXPECT_EQ(worker.refusal.code, ErrorCode::permission_denied);
  EXPECT_THAT(worker.refusal.detail, HasSubstr("this worker was revoked"));
}

TEST_F(WorkerSessionsTest, RevokingCutsAConnectedWorkerOffAtOnce) {
  start();
  FakeWorker& worker = add_worker("wk_1");
  revoked_.insert("wk_1");
  sessions_->disconnect("wk_1", "this worker was revoked");
  EXPECT_EQ(totals().workers_connected, 0u);
  EXPECT_FALSE(sessions_->worker_of_ticket(worker.welcome.blob_ticket()));
  run([&]() -> asio::awaitable<void> { co_await until([&] { return worker.ended; }); });
  EXPECT_EQ(worker.closed_with.code, ErrorCode::permission_denied);
  EXPECT_THAT(worker.closed_with.detail, HasSubstr("revoked"));
}

TEST_F(WorkerSessionsTest, AWorkerRevokedBetweenHandshakeAndHelloIsRefused) {
  start();
  FakeWorker& worker = new_worker("wk_1");
  run([&]() -> asio::awaitable<void> {
    co_await worker.open(port());
    revoked_.insert("wk_1");
    co_await worker.send(frame_of_hello());
    co_await until([&] { return worker.ended; });
  });
  EXPECT_EQ(worker.closed_with.code, ErrorCode::permission_denied);
  EXPECT_EQ(totals().workers_connected, 0u);
}

TEST_F(WorkerSessionsTest, ASecondConnectionReplacesTheFirst) {
  start();
  FakeWorker& first = add_worker("wk_1");
  FakeWorker& second = add_worker("wk_1");
  run([&]() -> asio::awaitable<void> { co_await until([&] { return first.ended; }); });
  EXPECT_EQ(totals().workers_connected, 1u);
  EXPECT_FALSE(sessions_->worker_of_ticket(first.welcome.blob_ticket()));
  EXPECT_EQ(sessions_->worker_of_ticket(second.welcome.blob_ticket()), "wk_1");
  EXPECT_FALSE(second.ended);
}

TEST_F(WorkerSessionsTest, TheNameOfAConnectionThatWasReplacedIsNotSeenAgain) {
  const auto seen = std::make_shared<std::vector<std::string>>();
  options_.on_seen = [seen](const std::string&, const domain::WorkerFacts& facts) { seen->push_back(facts.host_name); };
  start();
  FakeWorker& first = add_worker("wk_1");
  FakeWorker& second = new_worker("wk_1");
  second.host_name = "attic";
  run([&]() -> asio::awaitable<void> {
    const bool connected = co_await second.connect(port());
    EXPECT_TRUE(connected);
    co_await until([&] { return first.ended; });
    second.disconnect();
    co_await until([&] { return seen->size() >= 3; });
  });
  EXPECT_THAT(*seen, testing::ElementsAre("wk_1.local", "attic", "attic"));
}

TEST_F(WorkerSessionsTest, ACertificateIsRenewed) {
  start();
  FakeWorker& worker = add_worker("wk_1");
  run([&]() -> asio::awaitable<void> {
    co_await worker.renew();
    co_await until([&] { return !worker.renewed_chain.empty(); });
  });
  EXPECT_EQ(worker.renewed_chain, "chain of wk_1 for a request");
}

TEST_F(WorkerSessionsTest, OnlyTheLastOfStatesThatCameTogetherCounts) {
  start();
  FakeWorker& worker = add_worker("wk_1");
  std::string bytes;
  for (const auto availability :
       {wire::AVAILABILITY_PAUSED, wire::AVAILABILITY_DRAINING, wire::AVAILABILITY_REFUSING}) {
    wire::WorkerFrame frame;
    frame.mutable_state()->set_availability(availability);
    bytes += wire::encode_frame(frame);
  }
  run([&]() -> asio::awaitable<void> {
    co_await worker.send(bytes);
    co_await until([&] {
      const auto view = dispatcher_->scheduler().worker(domain::WorkerId("wk_1"));
      return view->report->availability == domain::Availability::refusing;
    });
  });
}

// Each costs a look at every model: a worker that sends thousands is read from at ten a second, after the first twenty.
TEST_F(WorkerSessionsTest, AFloodOfStatesIsTakenSlowly) {
  start();
  FakeWorker& worker = add_worker("wk_1");
  const auto begun = std::chrono::steady_clock::now();
  run([&]() -> asio::awaitable<void> {
    for (int i = 0; i < 25; ++i) {
      co_await worker.report(wire::PHASE_READY, static_cast<std::uint32_t>(i % 2 + 1));
      // Each alone: those that come together count once.
      const std::size_t slots = static_cast<std::size_t>(i % 2 + 1) * 2;
      co_await until([&] { return totals().slots_free == slots; });
    }
  });
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 400ms);
  EXPECT_LE(std::chrono::steady_clock::now() - begun, 5s);
}

TEST_F(WorkerSessionsTest, AWorkerThatSaysNothingIsClosed) {
  options_.hello_timeout = 100ms;
  start();
  FakeWorker& worker = new_worker("wk_1");
  run([&]() -> asio::awaitable<void> {
    co_await worker.open(port());
    co_await until([&] { return worker.ended; });
  });
  EXPECT_EQ(totals().workers_connected, 0u);
}

// Each closes its own connection; the other worker does not notice.
TEST_F(WorkerSessionsTest, HostileFramesCloseJustThatConnection) {
  start();
  FakeWorker& good = add_worker("wk_good");
  wire::WorkerFrame state;
  state.mutable_state()->set_availability(wire::AVAILABILITY_AVAILABLE);
  const std::vector<std::pair<const char*, std::string>> attacks{
      {"a length of 4 GB", std::string("\xff\xff\xff\xff", 4)},
      {"a length of zero", std::string(4, '\0')},
      {"not protobuf", std::string("\0\0\0\3\xff\xff\xff", 7)},
      {"a state before the hello", wire::encode_frame(state)},
      {"an unknown kind before the hello", std::string("\0\0\0\5\x9a\x06\x02hi", 9)},
      {"two hellos", frame_of_hello() + frame_of_hello()},
      {"rubbish after the hello", frame_of_hello() + std::string("\0\0\0\3\xff\xff\xff", 7)},
      {"the longest length after the hello", frame_of_hello() + std::string("\x7f\xff\xff\xff", 4)},
  };
  int number = 0;
  for (const auto& [what, bytes] : attacks) {
    FakeWorker& worker = new_worker("wk_bad" + std::to_string(++number));
    run([&, &text = bytes]() -> asio::awaitable<void> {
      co_await worker.open(port());
      co_await worker.send(text);
      co_await until([&] { return worker.ended; });
    });
    EXPECT_FALSE(good.ended) << what;
  }
  run([&]() -> asio::awaitable<void> { co_await until([&] { return totals().workers_connected == 1; }); });
  const std::string text = metrics_.text(totals());
  EXPECT_THAT(text, HasSubstr("gogrid_worker_protocol_errors_total 8"));
  EXPECT_THAT(text, HasSubstr("gogrid_workers_connected 1"));
}

TEST_F(WorkerSessionsTest, FramesOfKindsThatAreNotKnownAreSkipped) {
  start();
  FakeWorker& worker = add_worker("wk_1");
  run([&]() -> asio::awaitable<void> {
    co_await worker.send(std::string("\0\0\0\5\x9a\x06\x02hi", 9));
    co_await worker.report(wire::PHASE_LOADING, 0);
    co_await until([&] { return totals().slots_free == 0; });
  });
  EXPECT_FALSE(worker.ended);
}

TEST_F(WorkerSessionsTest, AConnectionThatEndsInsideAFrameIsJustOver) {
  start();
  FakeWorker& worker = add_worker("wk_1");
  run([&]() -> asio::awaitable<void> {
    co_await worker.send(std::string("\0\0\1\0abc", 7));
    (void)co_await worker.control->finish();
    co_await until([&] { return worker.ended; });
  });
  EXPECT_EQ(totals().workers_connected, 0u);
}

TEST_F(WorkerSessionsTest, StoppingClosesEveryConnection) {
  start();
  FakeWorker& ready = add_worker("wk_1");
  FakeWorker& silent = new_worker("wk_2");
  run([&]() -> asio::awaitable<void> {
    co_await silent.open(port());
    sessions_->stop();
    co_await until([&] { return ready.ended && silent.ended; });
  });
}

}  // namespace
}  // namespace gogrid::coordinator
