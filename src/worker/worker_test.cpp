// Proves that what a worker says of itself can always be read, and that nothing is begun while it ends.
#include "worker/worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <fstream>

#include "base/encoding.hpp"
#include "base/task_group.hpp"
#include "base/utf8.hpp"
#include "net/pki.hpp"
#include "wire/frame.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"
#include "worker/work_test_support.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class WorkerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    top_ = std::filesystem::temp_directory_path() / ("gogrid-w-" + to_hex(as_bytes(random_bytes(6))));
    state_ = std::make_unique<StateDirectory>(top_);
    ASSERT_TRUE(state_->make());
    const auto now = std::chrono::system_clock::now();
    const auto authority = net::pki::create_authority("test", now, std::chrono::hours(24));
    options_.identity.worker_id = "wk_1";
    options_.identity.private_key = *net::pki::generate_key();
    options_.identity.authority = authority->certificate;
    options_.identity.certificate_chain = *net::pki::issue_client_certificate(
        *authority, *net::pki::create_request(options_.identity.private_key, "w"), "wk_1", now, std::chrono::hours(9));
    // Whoever runs the tests uses this machine.
    options_.config = preset_config("dedicated");
    // Nobody listens there.
    options_.identity.coordinator_host = "127.0.0.1";
    options_.identity.coordinator_port = 1;
  }
  void TearDown() override { std::filesystem::remove_all(top_); }

  std::unique_ptr<Worker> make() { return std::make_unique<Worker>(io_.get_executor(), options_, *state_); }

  static wire::Assignment assignment(const std::string& model) {
    wire::Assignment assignment;
    assignment.set_revision(1);
    auto& replica = *assignment.add_replicas();
    replica.set_model_id(model);
    replica.set_model_name(model);
    replica.mutable_blob()->set_sha256(std::string(64, 'a'));
    replica.mutable_blob()->set_size_bytes(1000);
    replica.set_slots(1);
    return assignment;
  }

  asio::io_context io_{1};
  std::filesystem::path top_;
  std::unique_ptr<StateDirectory> state_;
  WorkerOptions options_;
};

asio::awaitable<void> run(Worker& worker, bool& ended) {
  const auto result = co_await worker.run();
  EXPECT_TRUE(result);
  ended = true;
}

template <class Message>
void expect_readable(const Message& message) {
  const std::string bytes = wire::encode_frame(message);
  EXPECT_TRUE(wire::decode_frame<Message>(std::string_view(bytes).substr(4)));
}

// A protobuf string that is not UTF-8 makes the coordinator close the connection, each time.
TEST_F(WorkerTest, SaysNothingThatCannotBeRead) {
  std::ofstream(state_->pause_file()) << R"({"reason":")" + std::string(199, 'x') + "\xc3\xa9\"}";
  options_.config.name = "caf\xe9";
  options_.config.engine_path = "/nonexistent/\xff";
  auto worker = make();
  SessionClient& client = *worker;
  expect_readable(client.hello());
  EXPECT_EQ(client.hello().host_name(), "caf\xef\xbf\xbd");
  bool ended = false;
  TaskGroup tasks(io_.get_executor());
  tasks.spawn("worker", run(*worker, ended));
  // The engine's path is in the reason why there is none.
  while (!client.state().engine().detail().starts_with("worker.engine_path"))
    io_.run_one();
  EXPECT_TRUE(is_utf8(client.state().engine().detail()));
  expect_readable(client.state());
  worker->stop();
  io_.run_for(30s);
  EXPECT_TRUE(ended);
}

// A connection that was being made when the worker was told to stop may still bring an assignment.
TEST_F(WorkerTest, BeginsNothingWhileItEnds) {
  auto worker = make();
  SessionClient& client = *worker;
  bool ended = false;
  TaskGroup tasks(io_.get_executor());
  tasks.spawn("worker", run(*worker, ended));
  io_.poll();
  client.assigned(assignment("first"));
  EXPECT_EQ(client.state().replicas_size(), 1);
  worker->stop();
  worker->stop();
  while (client.state().replicas_size() > 0 && !ended) {
    client.connected(BlobSource());
    client.assigned(assignment("late"));
    io_.run_one();
  }
  io_.run_for(30s);
  EXPECT_TRUE(ended);
  EXPECT_EQ(client.state().replicas_size(), 0);
}

// The answer is that there is no such model; it is kept all the same, since its end did not arrive.
TEST_F(WorkerTest, ItsHelloNamesTheLeasesThatItKeeps) {
  auto worker = make();
  SessionClient& client = *worker;
  EXPECT_THAT(client.hello().features(), testing::ElementsAre(wire::feature_keeps_leases, wire::feature_engine_devices,
                                                              wire::feature_replica_copies));
  EXPECT_EQ(client.hello().leases_size(), 0);
  TaskGroup tasks(io_.get_executor());
  for (const std::uint64_t lease : {7, 8}) {
    const auto stream = std::make_shared<test::FakeStream>(io_.get_executor());
    tasks.spawn("work", client.serve(stream));
    stream->feed(test::work_request(0, lease));
    test::run_until(io_, [&] { return stream->finished; });
    EXPECT_EQ(client.hello().leases_size(), static_cast<int>(lease) - 7) << "it has its stream";
    stream->lose();
    test::run_until(io_, [&] { return tasks.size() == 0; });
  }
  EXPECT_EQ(client.hello().leases_size(), 2);
  client.disconnected();
  client.connected(BlobSource());
  wire::ReleaseLeases released;
  released.add_leases(7);
  released.add_leases(99);
  client.released(released);
  ASSERT_EQ(client.hello().leases_size(), 1);
  EXPECT_EQ(client.hello().leases(0), 8u);
  client.refused();
  EXPECT_EQ(client.hello().leases_size(), 0);
}

TEST_F(WorkerTest, WithoutAGraceItKeepsNoLeasesAndSaysSo) {
  options_.config.lease_grace = 0ms;
  const auto worker = make();
  SessionClient& client = *worker;
  EXPECT_THAT(client.hello().features(),
              testing::ElementsAre(wire::feature_engine_devices, wire::feature_replica_copies));
}

TEST_F(WorkerTest, ItsHelloSaysWhatItHasAsItWasAssigned) {
  const auto worker = make();
  SessionClient& client = *worker;
  bool ended = false;
  TaskGroup tasks(io_.get_executor());
  tasks.spawn("worker", run(*worker, ended));
  io_.poll();
  wire::Assignment assignment;
  for (const char* id : {"m1", "m2"}) {
    auto& replica = *assignment.add_replicas();
    replica.set_model_id(id);
    replica.set_model_name(id);
    replica.set_context_tokens(512);
    replica.set_slots(1);
    replica.mutable_blob()->set_sha256(std::string(64, 'a'));
    replica.mutable_blob()->set_size_bytes(1);
  }
  auto& placement = *assignment.mutable_replicas(1)->mutable_placement();
  auto& share = *placement.add_devices();
  share.set_device("Vulkan0");
  share.set_expected_bytes(7);
  placement.set_device_layers(3);
  client.assigned(assignment);
  const wire::Hello hello = client.hello();
  ASSERT_EQ(hello.held_size(), 2);
  EXPECT_EQ(hello.held(0).model_id(), "m1");
  EXPECT_EQ(hello.held(0).context_tokens(), 512u);
  EXPECT_FALSE(hello.held(0).has_placement());
  EXPECT_EQ(hello.held(1).placement().SerializeAsString(), placement.SerializeAsString());
  worker->stop();
  worker->stop();
  io_.run_for(30s);
  EXPECT_TRUE(ended);
}

TEST_F(WorkerTest, OffersWhatItsOwnerAllows) {
  options_.config.max_memory_gb = 0.5;
  const auto worker = make();
  SessionClient& client = *worker;
  EXPECT_EQ(client.hello().hardware().memory_bytes(), 500'000'000u);
}

}  // namespace
}  // namespace gogrid::worker
