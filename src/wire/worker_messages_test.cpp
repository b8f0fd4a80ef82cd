#include "wire/worker_messages.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/encoding.hpp"
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
  EXPECT_FALSE(to_facts(hello).named_by_owner);
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

TEST(WorkerMessages, AReplicaMayBeLeaving) {
  WorkerState state;
  state.add_replicas()->set_phase(PHASE_LEAVING);
  state.add_replicas()->set_phase(static_cast<Phase>(99));
  const auto report = to_report(state);
  EXPECT_EQ(report.replicas[0].progress.phase, domain::Phase::leaving);
  EXPECT_EQ(report.replicas[1].progress.phase, domain::Phase::waiting) << "of a newer worker";
}

TEST(WorkerMessages, ALocalEngineIsAFeature) {
  Hello hello;
  EXPECT_FALSE(to_facts(hello).has_local_engine);
  hello.add_features("something-newer");
  hello.add_features(feature_local_engine);
  EXPECT_TRUE(to_facts(hello).has_local_engine);
}

TEST(WorkerMessages, LeasesThatAWorkerKeepsAreRead) {
  Hello hello;
  EXPECT_FALSE(to_facts(hello).keeps_leases);
  EXPECT_TRUE(to_facts(hello).leases.empty());
  hello.add_features(feature_keeps_leases);
  for (const std::uint64_t lease : {std::uint64_t{0}, std::uint64_t{7}, ~std::uint64_t{0}})
    hello.add_leases(lease);
  EXPECT_TRUE(to_facts(hello).keeps_leases);
  EXPECT_FALSE(to_facts(hello).has_local_engine);
  EXPECT_EQ(to_facts(hello).leases, (std::vector<std::uint64_t>{7, ~std::uint64_t{0}}));
  for (std::uint64_t lease = 1; lease <= 10'000; ++lease)
    hello.add_leases(lease);
  EXPECT_LE(to_facts(hello).leases.size(), max_leases);
}

TEST(WorkerMessages, AsManyLeasesAsThereAreAreReleased) {
  EXPECT_EQ(encode_release({}), "");
  std::vector<std::uint64_t> leases;
  for (std::uint64_t i = 0; i < 10'000; ++i)
    leases.push_back(~i);
  const std::string bytes = encode_release(leases);
  FrameReader reader;
  std::vector<std::uint64_t> read;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto space = reader.prepare();
    const std::size_t count = std::min(space.size(), bytes.size() - at);
    std::copy_n(as_bytes(bytes).begin() + static_cast<std::ptrdiff_t>(at), count, space.begin());
    reader.commit(count);
    at += count;
    for (;;) {
      const auto payload = reader.next();
      ASSERT_TRUE(payload);
      if (!*payload) break;
      const auto frame = decode_frame<CoordinatorFrame>(**payload);
      ASSERT_TRUE(frame && frame->has_release_leases());
      EXPECT_LE(frame->release_leases().leases_size(), static_cast<int>(max_leases));
      read.insert(read.end(), frame->release_leases().leases().begin(), frame->release_leases().leases().end());
    }
  }
  EXPECT_EQ(read, leases);
}

// What an older peer sends, and what it makes of what we send: fields and kinds that it does not know are skipped.
TEST(WorkerMessages, WithoutLeasesItIsTheProtocolOfOlderVersions) {
  WorkRequest interactive;
  interactive.set_request_id("req_1");
  interactive.set_body_bytes(3);
  WorkRequest job = interactive;
  job.set_lease(7);
  EXPECT_EQ(interactive.SerializeAsString(), job.SerializeAsString().substr(0, interactive.ByteSizeLong()))
      << "a lease is one more field behind those of older versions";
  WorkRequest read;
  ASSERT_TRUE(read.ParseFromString(interactive.SerializeAsString()));
  EXPECT_EQ(read.lease(), 0u);
  EXPECT_FALSE(read.resume());
}

TEST(WorkerMessages, AnAssignmentSaysAllAReplicaNeeds) {
  domain::Assignment assignment;
  assignment.engine = domain::EngineBundle{"ee", "cpu", 7, "linux-x86_64"};
  domain::AssignedReplica assigned;
  assigned.model = {domain::ModelId("m1"), "tiny", domain::ModelKind::embedding, "aa", 9, 512, 3};
  assignment.replicas.push_back(assigned);
  assigned.placement = domain::Placement{{{"Vulkan0", 7}, {"Vulkan1", 8}}, 12, 0, 33};
  assignment.replicas.push_back(assigned);
  assigned.placement = domain::Placement();
  assignment.replicas.push_back(assigned);
  const auto frame = decode_frame<CoordinatorFrame>(std::string_view(encode_assignment(5, assignment)).substr(4));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->assignment().revision(), 5u);
  EXPECT_EQ(frame->assignment().engine().blob().sha256(), "ee");
  const auto& replica = frame->assignment().replicas(0);
  EXPECT_EQ(replica.model_id(), "m1");
  EXPECT_EQ(replica.kind(), MODEL_KIND_EMBEDDING);
  EXPECT_EQ(replica.slots(), 3u);
  EXPECT_EQ(replica.context_tokens(), 512u);
  EXPECT_FALSE(replica.has_placement()) << "its engine has no devices";
  const auto& placed = frame->assignment().replicas(1).placement();
  ASSERT_EQ(placed.devices_size(), 2);
  EXPECT_EQ(placed.devices(1).device(), "Vulkan1");
  EXPECT_EQ(placed.devices(1).expected_bytes(), 8u);
  EXPECT_EQ(placed.device_layers(), 12u);
  EXPECT_EQ(placed.model_layers(), 33u);
  EXPECT_TRUE(frame->assignment().replicas(2).has_placement()) << "on the CPU beside devices";
  EXPECT_EQ(frame->assignment().replicas(2).placement().devices_size(), 0);
}

TEST(WorkerMessages, DevicesAndMemoryAreReadWithinBounds) {
  WorkerState state;
  state.set_assignment_revision(7);
  auto& device = *state.mutable_engine()->add_devices();
  device.set_name("Vulkan0");
  device.set_description("A card");
  device.set_total_bytes(~std::uint64_t{0});
  device.set_limit_bytes(6);
  device.set_foreign_bytes(1);
  device.set_gpu_id("pci:0000:01:00.0");
  auto& replica = *state.add_replicas();
  replica.set_out_of_memory(true);
  replica.set_copy(3);
  auto& use = *replica.add_memory();
  use.set_device("Vulkan0");
  use.set_bytes(5);
  use.set_mapped_bytes(9);
  auto report = to_report(state);
  EXPECT_EQ(report.revision, 7u);
  ASSERT_EQ(report.engine.devices.size(), 1u);
  EXPECT_EQ(report.engine.devices[0],
            (domain::EngineDevice{"Vulkan0", "A card", std::uint64_t{1} << 50, 6, 1, "pci:0000:01:00.0"}));
  EXPECT_TRUE(report.replicas[0].out_of_memory);
  EXPECT_EQ(report.replicas[0].copy, 3u);
  EXPECT_EQ(report.replicas[0].memory, (std::vector<domain::MemoryUse>{{"Vulkan0", 5, 5}}));
  for (int i = 0; i < 10'000; ++i) {
    state.mutable_engine()->add_devices();
    replica.add_memory();
  }
  report = to_report(state);
  EXPECT_LT(report.engine.devices.size(), 100u);
  EXPECT_LT(report.replicas[0].memory.size(), 100u);
}

TEST(WorkerMessages, WhatAWorkerHasIsInItsHello) {
  Hello hello;
  auto& held = *hello.add_held();
  held.set_model_id("m1");
  held.set_context_tokens(2048);
  held.set_copy(1);
  auto& share = *held.mutable_placement()->add_devices();
  share.set_device("Vulkan0");
  share.set_expected_bytes(5);
  held.mutable_placement()->set_device_layers(~0u);
  hello.add_held()->set_model_id("m2");
  const auto facts = to_facts(hello);
  ASSERT_EQ(facts.held.size(), 2u);
  EXPECT_EQ(facts.held[0].copy, 1u);
  EXPECT_EQ(facts.held[0].model.text(), "m1");
  EXPECT_EQ(facts.held[0].context_tokens, 2048u);
  ASSERT_TRUE(facts.held[0].placement);
  EXPECT_EQ(facts.held[0].placement->devices, (std::vector<domain::DeviceShare>{{"Vulkan0", 5}}));
  EXPECT_LT(facts.held[0].placement->device_layers, 100'000u);
  EXPECT_FALSE(facts.held[1].placement) << "its engine decided";
  for (int i = 0; i < 10'000; ++i)
    hello.add_held();
  EXPECT_LT(to_facts(hello).held.size(), 2000u);
}

TEST(WorkerMessages, AnAssignmentNamesEveryFileOfAModel) {
  domain::Model model;
  model.id = domain::ModelId("m1");
  model.sha256 = "one";
  model.size_bytes = 7;
  domain::Assignment assignment;
  assignment.replicas.resize(2);
  assignment.replicas[0].model = model;
  domain::Model& split = assignment.replicas[1].model = model;
  split.files = {{domain::FileRole::weights, "a", 1},
                 {domain::FileRole::weights, "b", 2},
                 {domain::FileRole::projector, "p", 3},
                 {domain::FileRole::adapter, "l", 4, 500},
                 {domain::FileRole::chat_template, "t", 5}};
  split.kv_type = domain::KvType::q8_0;
  const auto frame = decode_frame<CoordinatorFrame>(std::string_view(encode_assignment(5, assignment)).substr(4));
  ASSERT_TRUE(frame);
  const auto& single = frame->assignment().replicas(0);
  ASSERT_EQ(single.files_size(), 1);
  EXPECT_EQ(single.files(0).role(), FILE_ROLE_WEIGHTS);
  EXPECT_EQ(single.files(0).blob().sha256(), "one");
  EXPECT_EQ(single.kv_type(), KV_TYPE_F16);
  const auto& many = frame->assignment().replicas(1);
  ASSERT_EQ(many.files_size(), 5);
  // For workers that know only this one.
  EXPECT_EQ(many.blob().sha256(), "a");
  EXPECT_EQ(many.blob().size_bytes(), 1u);
  EXPECT_EQ(many.files(1).blob().size_bytes(), 2u);
  EXPECT_EQ(many.files(2).role(), FILE_ROLE_PROJECTOR);
  EXPECT_EQ(many.files(3).role(), FILE_ROLE_ADAPTER);
  EXPECT_EQ(many.files(3).scale_permille(), 500u);
  EXPECT_EQ(many.files(4).role(), FILE_ROLE_CHAT_TEMPLATE);
  EXPECT_EQ(many.kv_type(), KV_TYPE_Q8_0);
}

}  // namespace
}  // namespace gogrid::wire
