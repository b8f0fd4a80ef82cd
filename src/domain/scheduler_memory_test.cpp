// What is learned of models that are loaded: what they take, and where they do not load.
#include "domain/scheduler_placement_test_support.hpp"

namespace gogrid::domain {
namespace {

TEST_F(PlacementTest, ShortMemoryIsTriedWithLessOnceThenElsewhere) {
  add(model("a"));
  connect("w1", 8, true);
  machines_["w1"].devices = {device("GPU0", 8)};
  settle("w1");
  EXPECT_EQ(only("w1").placement->device_layers, 20u);
  submit("r1", "a");
  fail("w1", true);
  EXPECT_EQ(assigned("w1"), "") << "its memory comes back first";
  report("w1", {{"a", Phase::leaving}});
  EXPECT_EQ(assigned("w1"), "");
  settle("w1");
  ASSERT_EQ(assigned("w1"), "a");
  EXPECT_EQ(only("w1").model.context_tokens, 2048u);
  EXPECT_EQ(only("w1").placement->device_layers, 15u);
  fail("w1", true);
  settle("w1");
  EXPECT_EQ(assigned("w1"), "");
  EXPECT_EQ(why("r1"), "workers_failing: 1 worker has this model: 1 failing to start its engine (the engine ended)");
  connect("w2", 4);
  EXPECT_EQ(assigned("w2"), "a");
  settle("w2");
  EXPECT_EQ(running_["r1"], "w2");
  pass(600s);
  ASSERT_EQ(assigned("w1"), "a") << "what took the memory may be gone";
  EXPECT_EQ(only("w1").model.context_tokens, 4096u);
}

TEST_F(PlacementTest, WithLessItMayNotFitAtAll) {
  add(model("a"));
  connect("w1", 0.6, true);
  machines_["w1"].devices = {device("GPU0", 3)};
  settle("w1");
  ASSERT_EQ(assigned("w1"), "a");
  submit("r1", "a");
  fail("w1", true);
  settle("w1");
  EXPECT_EQ(assigned("w1"), "");
  EXPECT_TRUE(rejected_.empty()) << "what took the memory may go";
  pass(14s);
  EXPECT_TRUE(rejected_.empty());
  pass(590s);
  EXPECT_EQ(assigned("w1"), "a") << "ten minutes later";
}

TEST_F(PlacementTest, AModelThatCrashesItsEngineIsNotLoadedInALoop) {
  add(model("a"));
  for (const char* worker : {"w1", "w2", "w3"})
    connect(worker, 4);
  submit("r1", "a");
  fail("w1", false, 4);
  EXPECT_EQ(assigned("w1"), "a") << "its worker still tries";
  fail("w1", false, 5);
  EXPECT_EQ(assigned("w1"), "");
  settle("w1");
  EXPECT_EQ(assigned("w1"), "");
  fail("w2", false, 5);
  settle("w2");
  connect("w4", 4);
  EXPECT_EQ(assigned("w4"), "") << "two workers are enough to tell";
  fail("w3", false, 5);
  settle("w3");
  settle("w4");
  EXPECT_THAT(why("r1"), HasSubstr("failing to start its engine (the engine ended)"));
  pass(14s);
  EXPECT_TRUE(rejected_.empty());
  pass(2s);
  EXPECT_THAT(rejected_["r1"], HasSubstr("failing to start its engine"));
  pass(43s);
  EXPECT_EQ(assigned("w1"), "");
  pass(1s);
  EXPECT_EQ(assigned("w1"), "a") << "a minute later";
  fail("w1", false, 5);
  settle("w1");
  pass(119s);
  EXPECT_EQ(assigned("w1"), "") << "then two";
}

TEST_F(PlacementTest, AnEngineThatCrashesNowAndThenIsNotTakenAway) {
  add(model("a"));
  connect("w1", 4);
  for (std::uint32_t starts = 1; starts < 12; ++starts) {
    WorkerReport ready = report_of("w1");
    ready.replicas.at(0).starts = starts;
    send("w1", ready);
    pass(90s);
    fail("w1", false, starts);
    ASSERT_EQ(assigned("w1"), "a") << starts;
  }
}

TEST_F(PlacementTest, MeasuredMemoryIsToldAndUsedForAllWorkers) {
  add(model("a"));
  add(model("b"));
  connect("w1", 8, true);
  machines_["w1"].devices = {device("GPU0", 4)};
  settle("w1");
  ASSERT_EQ(assigned("w1"), "a");
  WorkerReport report = report_of("w1");
  report.replicas.at(0).memory = {{"GPU0", gigabyte, 0}, {"", gigabyte, gigabyte / 2}};
  send("w1", report);
  ASSERT_EQ(measured_.size(), 1u);
  EXPECT_EQ(measured_[0].key.device, "vulkan: A card");
  EXPECT_EQ(measured_[0].key.device_layers, 20u);
  EXPECT_EQ(measured_[0].memory, (MeasuredMemory{gigabyte, gigabyte / 2, gigabyte / 2}));
  send("w1", report);
  EXPECT_EQ(measured_.size(), 1u) << "no news";
  // There is room for b now that a is known to be small.
  add(model("c"));
  EXPECT_EQ(assigned("w1"), "a,b");
  // On another worker it is known as well: 1.5 GB are enough.
  connect("w2", 1, true);
  machines_["w2"].devices = {device("GPU0", 1.5)};
  settle("w2");
  EXPECT_EQ(assigned("w2"), "a");
  EXPECT_EQ(only("w2").placement->devices[0].expected_bytes, gigabyte + gigabyte / 50);
}

TEST_F(PlacementTest, WhatCannotBeIsNotLearned) {
  add(model("a"));
  connect("w1", 8, true);
  machines_["w1"].devices = {device("GPU0", 4)};
  settle("w1");
  WorkerReport report = report_of("w1");
  report.replicas.at(0).memory = {{"GPU0", 1000 * gigabyte, 0}};
  send("w1", report);
  EXPECT_TRUE(measured_.empty());
  // However many kinds of devices it claims to have.
  for (int i = 0; i < 5000; ++i) {
    report.engine.devices = {device("GPU0", 4)};
    report.engine.devices[0].description = "Card " + std::to_string(i);
    report.replicas.at(0).memory = {{"GPU0", gigabyte + static_cast<std::uint64_t>(i) * 1000, 0}};
    take(scheduler_.worker_reported(WorkerId("w1"), report, now_));
  }
  EXPECT_LT(measured_.size(), 100u);
}

TEST_F(PlacementTest, WhatWasMeasuredBeforeTheStartCounts) {
  MemoryKey key{"sha-a", 2 * gigabyte, 4096, 1, KvType::f16, "vulkan: A card", 1, 20};
  scheduler_.memory_known(key, {gigabyte, gigabyte / 2, 0});
  add(model("a"));
  connect("w1", 1, true);
  machines_["w1"].devices = {device("GPU0", 1.5)};
  settle("w1");
  EXPECT_EQ(assigned("w1"), "a");
  key.context_tokens = 8192;
  Model wide = model("b");
  wide.sha256 = "sha-a";
  wide.context_tokens = 8192;
  add(wide);
  submit("r1", "b");
  EXPECT_THAT(rejected_["r1"], HasSubstr("too little memory")) << "with another context nothing was measured";
}

}  // namespace
}  // namespace gogrid::domain
