#include "wire/worker_messages.hpp"

#include <gtest/gtest.h>

#include "wire/frame.hpp"
#include "wire/worker_protocol.pb.h"

namespace gogrid::wire {
namespace {

TEST(WorkerMessages, DataFramesAreTheSameByHandAndByProtobuf) {
  for (const std::size_t size : {0, 1, 127, 128, 16'383, 16'384, 65'536}) {
    const std::string data(size, 'x');
    CoordinatorWorkFrame frame;
    frame.set_data(data);
    const std::string encoded = encode_frame(frame);
    std::string by_hand;
    append_data_frame(by_hand, data);
    EXPECT_EQ(by_hand, encoded) << size;
    const auto view = data_in(std::string_view(encoded).substr(4));
    ASSERT_TRUE(view) << size;
    EXPECT_EQ(*view, data);
  }
}

TEST(WorkerMessages, WhatIsNotOneDataFieldIsLeftToTheParser) {
  WorkerWorkFrame response;
  response.mutable_response()->set_status(200);
  EXPECT_FALSE(data_in(response.SerializeAsString()));
  EXPECT_FALSE(data_in(""));
  EXPECT_FALSE(data_in("\x12"));
  EXPECT_FALSE(
      data_in(std::string("\x12\x05"
                          "abc",
                          5)));
  EXPECT_FALSE(
      data_in(std::string("\x12\x02"
                          "abc",
                          5)));
  EXPECT_FALSE(data_in("\x12\xff\xff\xff\xff\xff\xff\xff"));
}

TEST(WorkerMessages, WhatAWorkerSaysIsBounded) {
  Hello hello;
  hello.set_host_name(std::string(100'000, 'h'));
  hello.mutable_hardware()->set_memory_bytes(~std::uint64_t{0});
  EXPECT_EQ(to_facts(hello).host_name.size(), 256u);
  EXPECT_LE(to_facts(hello).hardware.memory_bytes, std::uint64_t{1} << 50);

  WorkerState state;
  for (int i = 0; i < 5000; ++i)
    state.add_replicas()->set_slots(4'000'000'000);
  const auto report = to_report(state);
  EXPECT_EQ(report.replicas.size(), 1024u);
  EXPECT_EQ(report.replicas.front().slots, 4096u);
  // Nothing said is nothing offered.
  EXPECT_EQ(report.availability, domain::Availability::refusing);
  EXPECT_EQ(report.replicas.front().progress.phase, domain::Phase::waiting);
}

TEST(WorkerMessages, ALocalEngineIsAFeature) {
  Hello hello;
  EXPECT_FALSE(to_facts(hello).has_local_engine);
  hello.add_features("something-newer");
  hello.add_features(feature_local_engine);
  EXPECT_TRUE(to_facts(hello).has_local_engine);
}

TEST(WorkerMessages, AnAssignmentSaysAllAReplicaNeeds) {
  domain::Assignment assignment;
  assignment.engine = domain::EngineBundle{"ee", "cpu", 7, "linux-x86_64"};
  assignment.models.push_back({domain::ModelId("m1"), "tiny", domain::ModelKind::embedding, "aa", 9, 512, 3});
  const auto frame = decode_frame<CoordinatorFrame>(std::string_view(encode_assignment(5, assignment)).substr(4));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->assignment().revision(), 5u);
  EXPECT_EQ(frame->assignment().engine().blob().sha256(), "ee");
  const auto& replica = frame->assignment().replicas(0);
  EXPECT_EQ(replica.model_id(), "m1");
  EXPECT_EQ(replica.kind(), MODEL_KIND_EMBEDDING);
  EXPECT_EQ(replica.slots(), 3u);
  EXPECT_EQ(replica.context_tokens(), 512u);
}

}  // namespace
}  // namespace gogrid::wire
