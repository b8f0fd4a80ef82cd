// What each worker has ready: coming, going and making room.
#include "domain/scheduler_placement_test_support.hpp"

namespace gogrid::domain {
namespace {

TEST_F(PlacementTest, WorkForAModelThatIsNowhereMakesRoomAndWaitsUntilTheMemoryIsBack) {
  add(model("a"));
  add(model("b"));
  connect("w1", 4);
  settle("w1");
  EXPECT_EQ(assigned("w1"), "a");
  submit("r1", "b");
  EXPECT_EQ(assigned("w1"), "") << "a leaves before b comes";
  EXPECT_EQ(why("r1"), "workers_loading: 1 worker has this model: 1 waiting until other models have left");
  // Said before it heard of that.
  WorkerReport old = report_of("w1");
  old.revision = machines_["w1"].told - 1;
  send("w1", old);
  EXPECT_EQ(assigned("w1"), "");
  report("w1", {{"a", Phase::leaving}});
  EXPECT_EQ(assigned("w1"), "") << "its memory is not back";
  settle("w1");
  EXPECT_EQ(assigned("w1"), "b");
  EXPECT_TRUE(running_.empty());
  settle("w1");
  EXPECT_EQ(running_["r1"], "w1");
  EXPECT_EQ(scheduler_.totals().evictions, 1u);
}

TEST_F(PlacementTest, WhatWasUsedKeepsItsPlaceForAWhile) {
  add(model("a"));
  add(model("b"));
  connect("w1", 4);
  settle("w1");
  submit("r1", "a");
  finish("r1");
  submit("r2", "b");
  EXPECT_EQ(assigned("w1"), "a");
  EXPECT_EQ(why("r2"), "memory_occupied: 1 worker can have this model: 1 whose memory other models have");
  pass(29s);
  EXPECT_EQ(assigned("w1"), "a");
  pass(1s);
  EXPECT_EQ(assigned("w1"), "");
}

TEST_F(PlacementTest, ModelsThatAreAskedForAllTheTimeTakeTurns) {
  add(model("a"));
  add(model("b"));
  connect("w1", 4);
  settle("w1");
  int swaps = 0;
  std::string had = assigned("w1");
  int requests = 0;
  std::map<std::string, int> served;
  // Both have work waiting at every moment, for ten minutes.
  std::map<std::string, std::string> open;
  for (int second = 0; second < 600; ++second) {
    for (const char* name : {"a", "b"}) {
      if (open.contains(name)) continue;
      open[name] = "r" + std::to_string(++requests);
      submit(open[name], name);
    }
    pass(1s);
    for (const char* name : {"a", "b"}) {
      if (!running_.contains(open[name])) continue;
      ++served[name];
      finish(open[name]);
      open.erase(name);
    }
    settle("w1");
    if (!assigned("w1").empty() && assigned("w1") != had) {
      had = assigned("w1");
      ++swaps;
    }
  }
  EXPECT_TRUE(rejected_.empty());
  EXPECT_GT(served["a"], 100);
  EXPECT_GT(served["b"], 100);
  EXPECT_GT(swaps, 5);
  EXPECT_LE(swaps, 20) << "each stays for 30 s at least";
}

TEST_F(PlacementTest, WhatRunsMayFinishBeforeItsModelLeaves) {
  add(model("a"));
  add(model("b"));
  connect("w1", 4);
  settle("w1");
  submit("r1", "a");
  submit("r2", "b");
  pass(30s);
  EXPECT_EQ(assigned("w1"), "");
  report("w1", {{"a", Phase::leaving}});
  submit("r3", "a");
  EXPECT_EQ(running_.count("r3"), 0u) << "nothing new goes to what leaves";
  EXPECT_EQ(running_["r1"], "w1");
  finish("r1");
  settle("w1");
  EXPECT_EQ(assigned("w1"), "b");
}

TEST_F(PlacementTest, WhatMustAlwaysBeThereIsNotEvicted) {
  Model kept = model("a");
  kept.min_replicas = 1;
  add(kept);
  add(model("b"));
  connect("w1", 4);
  settle("w1");
  submit("r1", "b");
  pass(120s);
  EXPECT_EQ(assigned("w1"), "a");
  // And it comes back before others when its worker is lost.
  connect("w2", 4);
  EXPECT_EQ(assigned("w2"), "a");
  settle("w2");
  settle("w1");
  settle("w2");
  EXPECT_THAT((std::vector{assigned("w1"), assigned("w2")}), testing::UnorderedElementsAre("a", "b"))
      << "one of the two is enough when b is asked for";
}

// Nobody reports anything meanwhile.
TEST_F(PlacementTest, WhoWaitsIsServedWhenOthersAreDone) {
  add(model("a"));
  add(model("b"));
  connect("w1", 4);
  settle("w1");
  submit("r1", "a");
  submit("r2", "a");
  pass(1ms);
  submit("r3", "b");
  pass(40s);
  EXPECT_EQ(assigned("w1"), "a") << "r2 has waited longer";
  finish("r1");
  finish("r2");
  EXPECT_EQ(assigned("w1"), "");
  settle("w1");
  settle("w1");
  EXPECT_EQ(running_["r3"], "w1");
}

TEST_F(PlacementTest, TheLeastNumberOfReplicasIsReachedAlsoWhereOthersAreBusy) {
  add(model("a", 2));
  connect("w1", 4);
  settle("w1");
  submit("r1", "a");
  Model always = model("b");
  always.min_replicas = 1;
  add(always);
  for (int second = 0; second < 60; ++second) {
    report("w1", {{"a", Phase::ready}});
    pass(1s);
  }
  EXPECT_EQ(assigned("w1"), "");
}

TEST_F(PlacementTest, AReplicaThatCannotServeIsNoReasonToHaveNoOther) {
  Model one = model("a");
  one.max_replicas = 1;
  add(one);
  connect("w1", 4);
  connect("w2", 4);
  settle("w1");
  settle("w2");
  ASSERT_EQ(assigned("w1"), "a");
  ASSERT_EQ(assigned("w2"), "");
  WorkerReport paused = report_of("w1");
  paused.availability = Availability::paused;
  send("w1", paused);
  submit("r1", "a");
  EXPECT_EQ(assigned("w2"), "a");
  EXPECT_EQ(assigned("w1"), "") << "no more than one";
  settle("w2");
  EXPECT_EQ(running_["r1"], "w2");
}

TEST_F(PlacementTest, WhatStillLeavesAfterALostConnectionHoldsItsMemory) {
  add(model("a"));
  add(model("b"));
  connect("w1", 4);
  settle("w1");
  submit("r1", "b");
  report("w1", {{"a", Phase::leaving}});
  gone("w1", true);
  connect("w1", 4);
  report("w1", {{"a", Phase::leaving}});
  submit("r2", "b");
  report("w1", {{"a", Phase::leaving}});
  EXPECT_EQ(assigned("w1"), "");
  settle("w1");
  EXPECT_EQ(assigned("w1").size(), 1u) << "its memory is back";
}

TEST_F(PlacementTest, JobsThatQueueUpGetMoreReplicas) {
  Model idle = model("a");
  idle.idle_timeout = 60s;
  add(idle);
  connect("w1", 4);
  connect("w2", 4);
  settle("w1");
  settle("w2");
  for (std::uint64_t i = 1; i <= 20; ++i) {
    Job job;
    job.id = JobId(i);
    job.model = "a";
    take(scheduler_.job_submitted(job, false, now_));
  }
  // One begins every second.
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(assigned("w1") + assigned("w2"), "a") << i;
    pass(1s);
    take(scheduler_.job_ended(lease_.job, lease_.lease, AttemptEnd{AttemptOutcome::succeeded, "", Usage{1, 1}}, now_));
    take(scheduler_.job_stored(lease_.job, now_));
    if (assigned("w1") + assigned("w2") == "aa") break;
  }
  EXPECT_EQ(assigned("w1") + assigned("w2"), "aa");
}

TEST_F(PlacementTest, WhatIsDroppedBeforeTheWorkerHeardOfItIsNotAwaited) {
  add(model("a"));
  add(model("b"));
  connect("w1", 4, true);
  submit("r1", "b");
  // Its engine is ready: a would be loaded ahead, and b is asked for.
  settle("w1");
  EXPECT_EQ(assigned("w1"), "b");
  settle("w1");
  EXPECT_EQ(running_["r1"], "w1");
}

TEST_F(PlacementTest, WhatNobodyAsksForIsLetGoAndComesBackOnDemand) {
  Model idle = model("a");
  idle.idle_timeout = 60s;
  add(idle);
  connect("w1", 10);
  connect("w2", 10);
  settle("w1");
  settle("w2");
  EXPECT_EQ(assigned("w1") + assigned("w2"), "a") << "one is enough to begin with";
  const std::string first = assigned("w1") == "a" ? "w1" : "w2";
  pass(50s);
  submit("r1", "a");
  EXPECT_EQ(running_["r1"], first);
  pass(60s);
  EXPECT_EQ(assigned(first), "a") << "it is used";
  finish("r1");
  pass(59s);
  EXPECT_EQ(assigned(first), "a");
  pass(1s);
  EXPECT_EQ(assigned(first), "");
  settle("w1");
  settle("w2");
  EXPECT_EQ(assigned("w1") + assigned("w2"), "");
  submit("r2", "a");
  EXPECT_EQ(assigned(first), "a") << "where its files are";
}

TEST_F(PlacementTest, WorkThatWaitsForLongGetsAnotherReplica) {
  Model few = model("a");
  few.idle_timeout = 60s;
  few.max_replicas = 2;
  add(few);
  for (const char* worker : {"w1", "w2", "w3"}) {
    connect(worker, 10);
    settle(worker);
  }
  const auto all = [this] { return assigned("w1") + assigned("w2") + assigned("w3"); };
  for (int i = 0; i < 4; ++i)
    submit("r" + std::to_string(i), "a");
  EXPECT_EQ(all(), "a");
  pass(4999ms);
  EXPECT_EQ(all(), "a");
  pass(1ms);
  EXPECT_EQ(all(), "aa");
  pass(60s);
  EXPECT_EQ(all(), "aa") << "not more than its administrator wants";
}

TEST_F(PlacementTest, AWorkerThatComesBackKeepsWhatItHas) {
  add(model("a"));
  add(model("b"));
  connect("w1", 4);
  settle("w1");
  submit("r1", "b");
  settle("w1");
  settle("w1");
  ASSERT_EQ(assigned("w1"), "b");
  gone("w1", true);
  connect("w1", 4);
  EXPECT_EQ(assigned("w1"), "b") << "not a, which was added first";
  // Also to a coordinator that knows nothing of it.
  gone("w1", false);
  held_ = {HeldReplica{ModelId("m_b"), 4096, {}}, HeldReplica{ModelId("m_gone"), 4096, {}}};
  connect("w1", 4);
  EXPECT_EQ(assigned("w1"), "b");
}

TEST_F(PlacementTest, AModelTooLargeForAllSaysWhatIsMissing) {
  Model large = model("a");
  large.size_bytes = 41 * gigabyte;
  add(large);
  connect("w1", 4);
  connect("w2", 2, true);
  machines_["w2"].devices = {device("GPU0", 24)};
  settle("w1");
  settle("w2");
  submit("r1", "a");
  EXPECT_EQ(rejected_["r1"],
            "no worker can hold this model; 2 workers are connected: 2 with too little memory (it needs 49.5 GB; the "
            "most is 24.0 GB on host-w2)");
}

TEST_F(PlacementTest, NewSettingsOfAModelReachItsReplicas) {
  add(model("a"));
  connect("w1", 4);
  settle("w1");
  Model wider = model("a");
  wider.context_tokens = 8192;
  add(wider);
  EXPECT_EQ(only("w1").model.context_tokens, 8192u);
  Model few = wider;
  few.max_replicas = 1;
  connect("w2", 4);
  settle("w2");
  add(few);
  EXPECT_EQ((assigned("w1") + assigned("w2")), "a");
}

TEST_F(PlacementTest, LoadingIsWatchedWithItsTimeLeft) {
  add(model("a"));
  connect("w1", 4);
  report("w1", {{"a", Phase::fetching}});
  submit("r1", "a");
  pass(10s);
  WorkerReport half = report_of("w1");
  half.replicas.at(0).progress = Progress{Phase::fetching, 55, 100, ""};
  send("w1", half);
  EXPECT_EQ(why("r1"), "workers_loading: 1 worker has this model: 1 fetching (55 %), about 10 s");
}

}  // namespace
}  // namespace gogrid::domain
