// What workers say of their hardware, over real QUIC with FakeWorker at the other end.
#include <nlohmann/json.hpp>

#include "coordinator/api/hardware_json.hpp"
#include "coordinator/request_path_test_support.hpp"
#include "wire/hardware_messages.hpp"

namespace gogrid::coordinator {
namespace {

using namespace test;

class WorkerHardwareTest : public RequestPathTest {
 protected:
  FakeWorker& connect(const std::string& id, bool reads_hardware) {
    workers_.push_back(std::make_unique<FakeWorker>(io_, id));
    FakeWorker& worker = *workers_.back();
    if (reads_hardware) worker.features = {wire::feature_hardware_readings};
    run([&]() -> asio::awaitable<void> { co_await worker.connect(port()); });
    return worker;
  }
  static std::string reading(std::uint64_t used_bytes) {
    wire::WorkerFrame frame;
    auto& gpu = *frame.mutable_reading()->add_gpus();
    gpu.set_id("pci:0000:01:00.0");
    gpu.set_used_bytes(used_bytes);
    gpu.set_temperature_celsius(61.04F);
    return wire::encode_frame(frame);
  }
};

TEST_F(WorkerHardwareTest, WhatIsSaidLaterReplacesTheHello) {
  start();
  FakeWorker& worker = connect("wk_1", true);
  EXPECT_EQ(sessions_->hardware("wk_1")->memory_bytes, 64'000'000'000u);
  wire::WorkerFrame frame;
  frame.mutable_hardware()->set_memory_bytes(32);
  frame.mutable_hardware()->add_gpus()->set_id("pci:0000:01:00.0");
  run([&]() -> asio::awaitable<void> {
    co_await worker.send(wire::encode_frame(frame));
    co_await until([&] { return sessions_->hardware("wk_1")->gpus.size() == 1; });
  });
  EXPECT_EQ(sessions_->hardware("wk_1")->memory_bytes, 32u);
  EXPECT_EQ(sessions_->hardware("wk_2"), nullptr);
}

TEST_F(WorkerHardwareTest, WhoLooksIsGivenAFreshReading) {
  start();
  FakeWorker& worker = connect("wk_1", true);
  EXPECT_FALSE(sessions_->reading("wk_1")) << "nobody asked";
  std::optional<WorkerSessions::Reading> seen;
  const auto look = [&]() -> asio::awaitable<void> { seen = co_await sessions_->read_hardware("wk_1", 30s); };
  run([&]() -> asio::awaitable<void> {
    TaskGroup tasks(io_.get_executor());
    tasks.spawn("look", look());
    co_await until([&] { return worker.watches == 1; });
    co_await worker.send(reading(7));
    co_await tasks.wait();
  });
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->reading.gpus.at(0).used_bytes, 7u);
  const auto json = reading_json(*seen);
  EXPECT_EQ(json["gpus"][0]["temperature_celsius"], 61);
  EXPECT_EQ(json["gpus"][0]["power_watts"], nullptr);
  // Again at once: there is one, and the worker was asked a moment ago.
  seen.reset();
  run(look);
  EXPECT_TRUE(seen);
  EXPECT_EQ(worker.watches, 1u);
  EXPECT_TRUE(sessions_->reading("wk_1"));
}

TEST_F(WorkerHardwareTest, AWorkerThatDoesNotKnowHowIsNotWaitedFor) {
  start();
  FakeWorker& worker = connect("wk_1", false);
  const auto begun = std::chrono::steady_clock::now();
  run([&]() -> asio::awaitable<void> {
    const auto seen = co_await sessions_->read_hardware("wk_1", 30s);
    EXPECT_FALSE(seen);
    const auto none = co_await sessions_->read_hardware("wk_none", 30s);
    EXPECT_FALSE(none);
  });
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
  EXPECT_EQ(worker.watches, 0u);
}

TEST_F(WorkerHardwareTest, WhoWaitsForAWorkerThatSaysNothingOrLeavesIsAnswered) {
  start();
  FakeWorker& worker = connect("wk_1", true);
  run([&]() -> asio::awaitable<void> {
    const auto late = co_await sessions_->read_hardware("wk_1", 50ms);
    EXPECT_FALSE(late);
    TaskGroup tasks(io_.get_executor());
    bool answered = false;
    const auto look = [&]() -> asio::awaitable<void> {
      const auto seen = co_await sessions_->read_hardware("wk_1", 30s);
      EXPECT_FALSE(seen);
      answered = true;
    };
    tasks.spawn("look", look());
    worker.disconnect();
    co_await until([&] { return answered; });
    co_await tasks.wait();
  });
}

}  // namespace
}  // namespace gogrid::coordinator
