#include "worker/assignment_message.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "wire/frame.hpp"

namespace gogrid::worker {
namespace {

wire::ReplicaAssignment good() {
  wire::ReplicaAssignment replica;
  replica.set_model_id("mdl_1");
  replica.set_model_name("model");
  replica.mutable_blob()->set_sha256(std::string(64, 'a'));
  replica.set_slots(2);
  replica.mutable_placement()->add_devices()->set_device("Vulkan0");
  return replica;
}

TEST(AssignmentMessage, WhatCannotBeServedIsLeftOut) {
  using namespace std::string_literals;
  const struct {
    const char* what;
    std::function<void(wire::ReplicaAssignment&)> spoil;
  } table[] = {
      {"no id", [](auto& replica) { replica.clear_model_id(); }},
      {"a long id", [](auto& replica) { replica.set_model_id(std::string(129, 'm')); }},
      {"no name", [](auto& replica) { replica.clear_model_name(); }},
      {"an option", [](auto& replica) { replica.set_model_name("--model"); }},
      {"two names", [](auto& replica) { replica.set_model_name("a,b"); }},
      {"a name that ends early", [](auto& replica) { replica.set_model_name("a\0b"s); }},
      {"no file", [](auto& replica) { replica.clear_blob(); }},
      {"a path", [](auto& replica) { replica.mutable_blob()->set_sha256("../" + std::string(61, 'a')); }},
      {"no weights",
       [](auto& replica) {
         auto& file = *replica.add_files();
         file.set_role(wire::FILE_ROLE_PROJECTOR);
         *file.mutable_blob() = replica.blob();
       }},
      {"two devices in one",
       [](auto& replica) { replica.mutable_placement()->add_devices()->set_device("Vulkan0,Vulkan1"); }},
      {"more devices than engines have",
       [](auto& replica) {
         for (int i = 0; i < 64; ++i)
           replica.mutable_placement()->add_devices()->set_device("Vulkan0");
       }},
  };
  for (const auto& row : table) {
    wire::Assignment assignment;
    *assignment.add_replicas() = good();
    row.spoil(*assignment.add_replicas() = good());
    EXPECT_EQ(read_replicas(assignment).size(), 1u) << row.what;
  }
}

// A Hello that is larger than a frame could not be sent, and the worker would never be connected again.
TEST(AssignmentMessage, AsMuchAsThereCanBeIsToldInOneFrame) {
  wire::ReplicaAssignment most = good();
  most.set_context_tokens(UINT32_MAX);
  most.set_copy(UINT32_MAX);
  most.mutable_placement()->set_device_layers(UINT32_MAX);
  most.mutable_placement()->clear_devices();
  for (int i = 0; i < 64; ++i) {
    auto& share = *most.mutable_placement()->add_devices();
    share.set_device(std::string(64, 'd'));
    share.set_expected_bytes(UINT64_MAX);
  }
  wire::Assignment assignment;
  for (int i = 0; i < 10'000; ++i) {
    auto& replica = *assignment.add_replicas() = most;
    replica.set_model_id(std::to_string(i) + std::string(124, 'm'));
  }
  const auto specs = read_replicas(assignment);
  EXPECT_GT(specs.size(), 50u);
  wire::Hello hello;
  for (const ReplicaSpec& spec : specs)
    *hello.add_held() = to_held(spec);
  EXPECT_LT(hello.ByteSizeLong(), wire::max_frame_bytes * 3 / 4);
}

TEST(AssignmentMessage, OfVeryManyReplicasTheFirstAreTaken) {
  wire::Assignment assignment;
  for (int i = 0; i < 2000; ++i) {
    auto& replica = *assignment.add_replicas() = good();
    replica.set_model_id("mdl_" + std::to_string(i));
  }
  const auto specs = read_replicas(assignment);
  ASSERT_EQ(specs.size(), 1024u);
  EXPECT_EQ(specs.back().key.model_id, "mdl_1023");
}

}  // namespace
}  // namespace gogrid::worker
