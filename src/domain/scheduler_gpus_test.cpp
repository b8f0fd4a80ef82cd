// Models on GPUs: what they may have of them, and several GPUs in one machine.
#include "domain/scheduler_placement_test_support.hpp"

namespace gogrid::domain {
namespace {

TEST_F(PlacementTest, ADeviceThatIsNotThereAnyMoreIsNotInsistedOn) {
  add(model("a"));
  connect("w1", 8, true);
  machines_["w1"].devices = {device("Vulkan0", 8)};
  settle("w1");
  ASSERT_EQ(only("w1").placement->devices.at(0).device, "Vulkan0");
  // Another engine calls it otherwise.
  machines_["w1"].devices = {device("CUDA0", 8)};
  WorkerReport report = report_of("w1");
  report.replicas.at(0).progress.phase = Phase::failed;
  send("w1", report);
  EXPECT_EQ(assigned("w1"), "");
  settle("w1");
  ASSERT_EQ(assigned("w1"), "a");
  EXPECT_EQ(only("w1").placement->devices.at(0).device, "CUDA0");
}

TEST_F(PlacementTest, AGpuIsAwaitedAndThenUsed) {
  add(model("a"));
  connect("w1", 8, true);
  EXPECT_EQ(assigned("w1"), "");
  submit("r1", "a");
  WorkerReport early = report_of("w1");
  early.engine.progress = Progress{Phase::fetching, 41, 100, ""};
  send("w1", early);
  EXPECT_EQ(assigned("w1"), "");
  EXPECT_EQ(why("r1"), "workers_loading: 1 worker has this model: 1 fetching (41 %) the engine");
  machines_["w1"].devices = {device("GPU0", 8, 6)};
  settle("w1");
  ASSERT_EQ(assigned("w1"), "a");
  ASSERT_TRUE(only("w1").placement);
  EXPECT_EQ(only("w1").placement->device_layers, 20u);
  ASSERT_EQ(only("w1").placement->devices.size(), 1u);
  EXPECT_EQ(only("w1").placement->devices[0].device, "GPU0");
}

TEST_F(PlacementTest, OwnersAndOtherProgramsLeaveLess) {
  add(model("a"));
  const struct {
    EngineDevice device;
    std::uint32_t layers;
  } cases[] = {
      {device("GPU0", 8), 20}, {device("GPU0", 8, 2), 15}, {device("GPU0", 8, 8, 6), 15}, {device("GPU0", 8, 0), 0}};
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const std::string worker = "w" + std::to_string(i);
    connect(worker, 8, true);
    machines_[worker].devices = {cases[i].device};
    settle(worker);
    ASSERT_EQ(assigned(worker), "a") << i;
    EXPECT_EQ(only(worker).placement->device_layers, cases[i].layers) << i;
  }
}

TEST_F(PlacementTest, ThreeModelsOnTwoGpusThatHoldTwo) {
  for (const char* name : {"a", "b", "c"})
    add(model(name));
  for (const char* worker : {"w1", "w2"}) {
    connect(worker, 0.6, true);
    machines_[worker].devices = {device("GPU0", 3)};
    settle(worker);
    settle(worker);
  }
  EXPECT_EQ(assigned("w1"), "a");
  EXPECT_EQ(assigned("w2"), "a") << "until others are asked for";
  submit("r1", "a");
  submit("r2", "b");
  submit("r3", "c");
  for (int i = 0; i < 3; ++i) {
    settle("w1");
    settle("w2");
  }
  EXPECT_TRUE(running_.contains("r1"));
  EXPECT_TRUE(running_.contains("r2"));
  EXPECT_THAT(why("r3"), HasSubstr("whose memory other models have"));
  finish("r1");
  finish("r2");
  pass(31s);
  for (int i = 0; i < 3; ++i) {
    settle("w1");
    settle("w2");
  }
  EXPECT_TRUE(running_.contains("r3"));
  EXPECT_EQ(scheduler_.totals().evictions, 2u) << "no more than had to be";
}

TEST_F(PlacementTest, WhatCrashedWithoutAGpuIsTriedAgainOnceItIsBack) {
  add(model("a"));
  connect("w1", 8, true);
  machines_["w1"].devices = {device("GPU0", 8)};
  settle("w1");
  ASSERT_EQ(placed("w1"), "a on GPU0");
  machines_["w1"].devices.clear();
  fail("w1", false);
  settle("w1");
  ASSERT_EQ(placed("w1"), "a");
  fail("w1", false, 20);
  settle("w1");
  submit("r1", "a");
  ASSERT_EQ(placed("w1"), "") << "for a minute";
  machines_["w1"].devices = {device("GPU0", 8)};
  settle("w1");
  EXPECT_EQ(placed("w1"), "a on GPU0");
}

TEST_F(PlacementTest, WhatHadToLieOnTheCpuGoesToAGpuThatIsBack) {
  add(model("a"));
  connect("w1", 8, true);
  machines_["w1"].devices = {device("GPU0", 8)};
  settle("w1");
  machines_["w1"].devices.clear();
  fail("w1", false);
  settle("w1");
  settle("w1");
  ASSERT_EQ(placed("w1"), "a");
  submit("r1", "a");
  ASSERT_EQ(running_["r1"], "w1");
  machines_["w1"].devices = {device("GPU0", 8)};
  report("w1", {});
  EXPECT_EQ(placed("w1"), "") << "what runs ends first";
  report("w1", {{"a", Phase::leaving}});
  EXPECT_EQ(placed("w1"), "");
  finish("r1");
  settle("w1");
  EXPECT_EQ(placed("w1"), "a on GPU0");
  settle("w1");
  EXPECT_EQ(placed("w1"), "a on GPU0");
}

class GpusTest : public PlacementTest {
 protected:
  // A machine with that many GPUs of 8 GB.
  void connect_gpus(const std::string& worker, int count, double total_gb = 8) {
    connect(worker, 8, true);
    for (int i = 0; i < count; ++i)
      machines_[worker].devices.push_back(device("GPU" + std::to_string(i), total_gb));
    settle(worker);
    settle(worker);
  }
  static Model with(GpuPolicy policy, std::vector<std::string> gpus = {}) {
    Model its_model = model("a");
    its_model.gpu_policy = policy;
    its_model.gpus = std::move(gpus);
    return its_model;
  }
};

TEST_F(GpusTest, MoreDemandGetsReplicasOnOtherGpusOfTheSameMachine) {
  add(model("a"));
  connect_gpus("w1", 3);
  EXPECT_EQ(placed("w1"), "a on GPU0");
  for (const char* request : {"r1", "r2", "r3", "r4"})
    submit(request, "a");
  EXPECT_EQ(running_.size(), 1u);
  pass(6s);
  settle("w1");
  pass(6s);
  settle("w1");
  EXPECT_EQ(placed("w1"), "a on GPU0, a on GPU1, a on GPU2");
  EXPECT_EQ(running_.size(), 3u);
  EXPECT_THAT(copies_,
              testing::UnorderedElementsAre(testing::Pair("r1", 0), testing::Pair("r2", 1), testing::Pair("r3", 2)));
  EXPECT_EQ(scheduler_.outlook(ModelId("m_a")).ready, 1u) << "of workers";
  EXPECT_EQ(scheduler_.outlook(ModelId("m_a")).slots, 3u);
  pass(60s);
  EXPECT_EQ(machines_["w1"].assignment.replicas.size(), 3u) << "there is no fourth GPU";
  // One of them crashes: what ran on the others runs on.
  WorkerReport report = report_of("w1");
  report.replicas.at(1).progress.phase = Phase::failed;
  send("w1", report);
  EXPECT_EQ(scheduler_.outlook(ModelId("m_a")).slots, 2u);
  finish("r1");
  EXPECT_EQ(copies_["r4"], 0u);
}

TEST_F(GpusTest, AnOlderWorkerHasOneReplicaOfAModel) {
  add(with(GpuPolicy::each));
  WorkerFacts facts;
  facts.target = "linux-x86_64";
  facts.hardware.memory_bytes = 8 * gigabyte;
  facts.tells_devices = true;
  take(scheduler_.worker_connected(WorkerId("w1"), facts, now_));
  machines_["w1"].devices = {device("GPU0", 8), device("GPU1", 8)};
  settle("w1");
  submit("r1", "a");
  submit("r2", "a");
  pass(60s);
  EXPECT_EQ(placed("w1"), "a on GPU0");
}

TEST_F(GpusTest, OneOnEachGpuComesAndGoesTogether) {
  Model its_model = with(GpuPolicy::each);
  its_model.idle_timeout = 60s;
  add(its_model);
  connect_gpus("w1", 2);
  EXPECT_EQ(placed("w1"), "a on GPU0, a on GPU1");
  submit("r1", "a");
  pass(50s);
  finish("r1");
  pass(30s);
  settle("w1");
  EXPECT_EQ(placed("w1"), "a on GPU0, a on GPU1") << "one of them was used";
  pass(60s);
  settle("w1");
  EXPECT_EQ(placed("w1"), "");
  submit("r2", "a");
  EXPECT_EQ(placed("w1"), "a on GPU0, a on GPU1");
}

TEST_F(GpusTest, OneOnEachGpuIsNoMoreThanMayBe) {
  Model its_model = with(GpuPolicy::each);
  its_model.max_replicas = 3;
  add(its_model);
  connect_gpus("w1", 2);
  connect_gpus("w2", 2);
  EXPECT_EQ(placed("w1"), "a on GPU0, a on GPU1");
  EXPECT_EQ(placed("w2"), "a on GPU0");
}

TEST_F(GpusTest, AModelIsSpreadOverAllOrKeptToSomeOfThem) {
  add(with(GpuPolicy::spread));
  connect_gpus("w1", 3);
  EXPECT_EQ(placed("w1"), "a on GPU0 and GPU1 and GPU2");
  submit("r1", "a");
  submit("r2", "a");
  pass(60s);
  EXPECT_EQ(placed("w1"), "a on GPU0 and GPU1 and GPU2") << "there is one at most";
  finish("r1");
  finish("r2");
  add(with(GpuPolicy::automatic, {"gpu2"}));
  settle("w1");
  EXPECT_EQ(placed("w1"), "a on GPU2");
  add(with(GpuPolicy::spread, {"GPU0", "GPU1"}));
  settle("w1");
  EXPECT_EQ(placed("w1"), "a on GPU0 and GPU1");
}

TEST_F(GpusTest, AGpuThatNobodyHasIsSaidSo) {
  add(with(GpuPolicy::automatic, {"RTX 4090"}));
  connect_gpus("w1", 1);
  connect("w2", 8);
  settle("w2");
  EXPECT_EQ(placed("w1") + placed("w2"), "") << "nor on the CPU";
  submit("r1", "a");
  EXPECT_THAT(rejected_["r1"], HasSubstr("2 without a GPU that it may use"));
}

TEST_F(GpusTest, NobodyLeavesAGpuOnWhichThereIsNoRoomAllTheSame) {
  Model large = model("large");
  large.size_bytes = 5 * gigabyte;
  add(with(GpuPolicy::automatic, {"GPU0"}));
  Model busy = model("b");
  busy.gpus = {"GPU0"};
  busy.min_replicas = 1;
  Model other = model("c");
  other.gpus = {"GPU1"};
  connect_gpus("w1", 2);
  add(busy);
  add(other);
  for (const char* name : {"a", "b", "c"}) {
    settle("w1");
    submit(std::string("r") + name, name);
    finish(std::string("r") + name);
  }
  EXPECT_EQ(placed("w1"), "a on GPU0, b on GPU0, c on GPU1");
  pass(60s);
  submit("r1", "large");
  EXPECT_THAT(rejected_["r1"], HasSubstr("not"));
  add(large);
  submit("r2", "large");
  EXPECT_EQ(placed("w1"), "a on GPU0, b on GPU0") << "without a there is no room on GPU0 for it";
  settle("w1");
  EXPECT_EQ(placed("w1"), "a on GPU0, b on GPU0, large on GPU1");
}

// Changing a model while a worker is away, or letting it say what it likes, must not touch what is not there.
TEST_F(GpusTest, SettingsMayChangeWhileTheWorkerIsAway) {
  add(model("a"));
  connect_gpus("w1", 2);
  EXPECT_EQ(placed("w1"), "a on GPU0");
  for (const auto& replica : machines_["w1"].assignment.replicas)
    held_.push_back(HeldReplica{replica.model.id, replica.model.context_tokens, replica.placement, replica.copy});
  gone("w1", true);
  add(with(GpuPolicy::automatic, {"GPU1"}));
  submit("r1", "a");
  EXPECT_THAT(why("r1"), HasSubstr("1 connecting again"));
  connect_gpus("w1", 2);
  settle("w1");
  settle("w1");
  EXPECT_EQ(placed("w1"), "a on GPU1");
}

TEST_F(GpusTest, EvictionLeavesAsManyAsThereMustBe) {
  Model its_model = with(GpuPolicy::each);
  its_model.min_replicas = 1;
  add(its_model);
  connect_gpus("w1", 2, 4);
  EXPECT_EQ(placed("w1"), "a on GPU0, a on GPU1");
  Model large = model("large");
  large.size_bytes = 5 * gigabyte;
  large.gpu_policy = GpuPolicy::spread;
  large.gpus = {"GPU"};
  add(large);
  submit("r1", "large");
  pass(60s);
  settle("w1");
  EXPECT_THAT(placed("w1"), HasSubstr("a on GPU")) << "one of a stays";
}

TEST_F(GpusTest, WhatMustStayIsNotReleasedAndLoadedInTurns) {
  Model its_model = with(GpuPolicy::each);
  its_model.min_replicas = 1;
  its_model.idle_timeout = 60s;
  add(its_model);
  connect_gpus("w1", 2);
  const auto placements = scheduler_.totals().placements;
  for (int i = 0; i < 10; ++i) {
    pass(61s);
    settle("w1");
  }
  EXPECT_EQ(placed("w1"), "a on GPU0, a on GPU1");
  EXPECT_EQ(scheduler_.totals().placements, placements);
}

TEST_F(GpusTest, SeveralThatAreShortOfMemoryAtOnceAreTriedWithLess) {
  add(with(GpuPolicy::each));
  connect("w1", 8, true);
  machines_["w1"].devices = {device("GPU0", 8), device("GPU1", 8)};
  settle("w1");
  ASSERT_EQ(placed("w1"), "a on GPU0, a on GPU1");
  WorkerReport report = report_of("w1");
  for (ReplicaReport& replica : report.replicas) {
    replica.progress.phase = Phase::failed;
    replica.out_of_memory = true;
  }
  send("w1", report);
  settle("w1");
  ASSERT_EQ(machines_["w1"].assignment.replicas.size(), 1u);
  EXPECT_EQ(only("w1").model.context_tokens, 2048u);
}

TEST_F(GpusTest, OneThatIsShortOfMemoryDoesNotSpoilTheOthers) {
  add(with(GpuPolicy::each));
  connect("w1", 8, true);
  machines_["w1"].devices = {device("GPU0", 8), device("GPU1", 8)};
  settle("w1");
  WorkerReport report = report_of("w1");
  report.replicas.at(1).progress.phase = Phase::failed;
  report.replicas.at(1).out_of_memory = true;
  send("w1", report);
  settle("w1");
  EXPECT_EQ(placed("w1"), "a on GPU0");
  EXPECT_EQ(only("w1").model.context_tokens, 4096u);
  // A short break of its connection is no reason to start it anew.
  held_.push_back(HeldReplica{ModelId("m_a"), 4096, only("w1").placement, 0});
  const auto placements = scheduler_.totals().placements;
  gone("w1", true);
  connect_gpus("w1", 2);
  EXPECT_EQ(placed("w1"), "a on GPU0");
  EXPECT_EQ(scheduler_.totals().placements, placements);
  pass(700s);
  add(model("z"));
  settle("w1");
  EXPECT_THAT(placed("w1"), HasSubstr("a on GPU0, a on GPU1")) << "ten minutes later";
}

TEST_F(GpusTest, NothingComesWhereAReplicaHasNotLeftYet) {
  Model its_model = with(GpuPolicy::spread);
  its_model.size_bytes = 5 * gigabyte;
  add(its_model);
  connect_gpus("w1", 2);
  ASSERT_EQ(placed("w1"), "a on GPU0 and GPU1");
  its_model.gpu_policy = GpuPolicy::each;
  add(its_model);
  EXPECT_EQ(placed("w1"), "") << "until both GPUs are free";
  report("w1", {{"a", Phase::leaving}});
  EXPECT_EQ(placed("w1"), "");
  settle("w1");
  EXPECT_EQ(placed("w1"), "a on GPU0, a on GPU1");
}

TEST_F(GpusTest, AWorkerCannotClaimAllReplicasThatThereMayBe) {
  Model its_model = model("a");
  its_model.max_replicas = 2;
  add(its_model);
  const Placement placement{{{"GPU0", gigabyte}}, 20, 0};
  for (std::uint32_t copy = 0; copy < 1000; ++copy)
    held_.push_back(HeldReplica{ModelId("m_a"), 4096, placement, copy});
  connect("liar", 8, true);
  EXPECT_EQ(machines_["liar"].assignment.replicas.size(), 1u);
  connect_gpus("w1", 1);
  EXPECT_EQ(placed("w1"), "a on GPU0");
  // Nor fill the coordinator's memory.
  WorkerReport lies;
  lies.revision = 0;
  for (std::uint32_t round = 0; round < 5; ++round) {
    lies.replicas.clear();
    for (std::uint32_t i = 0; i < 1000; ++i) {
      lies.replicas.push_back(ReplicaReport{
          ModelId("m_a"), Progress{Phase::leaving, 0, 0, ""}, 1, 1, {}, false, 10'000 + round * 1000 + i});
    }
    send("liar", lies);
  }
  EXPECT_LE(scheduler_.worker(WorkerId("liar"))->replicas.size(), 1024u);
}

TEST_F(GpusTest, AfterARestartJobsCountWhereThereIsRoom) {
  Model its_model = with(GpuPolicy::each);
  its_model.slots = 2;
  add(its_model);
  take(scheduler_.workers_expected({WorkerId("w1")}, 60s, now_));
  WorkerFacts facts;
  for (const LeaseId lease : {11u, 12u, 13u, 14u}) {
    Job job;
    job.id = JobId{static_cast<std::int64_t>(lease)};
    job.model = "a";
    take(scheduler_.job_restored(std::move(job), 1, std::nullopt, lease, WorkerId("w1"), now_));
    facts.leases.push_back(lease);
  }
  facts.target = "linux-x86_64";
  facts.hardware.memory_bytes = 8 * gigabyte;
  facts.tells_devices = facts.runs_copies = facts.keeps_leases = true;
  for (std::uint32_t copy = 0; copy < 2; ++copy)
    facts.held.push_back(
        HeldReplica{ModelId("m_a"), 4096, Placement{{{"GPU" + std::to_string(copy), gigabyte}}, 20, 0}, copy});
  take(scheduler_.worker_connected(WorkerId("w1"), facts, now_));
  const auto view = scheduler_.worker(WorkerId("w1"));
  ASSERT_EQ(view->replicas.size(), 2u);
  EXPECT_EQ(view->replicas[0].slots_busy, 2u);
  EXPECT_EQ(view->replicas[1].slots_busy, 2u);
}

TEST_F(GpusTest, SeveralReplicasOutliveTheirConnection) {
  add(with(GpuPolicy::each));
  connect_gpus("w1", 2);
  submit("r1", "a");
  submit("r2", "a");
  EXPECT_EQ(running_.size(), 2u);
  for (const auto& replica : machines_["w1"].assignment.replicas)
    held_.push_back(HeldReplica{replica.model.id, replica.model.context_tokens, replica.placement, replica.copy});
  gone("w1", true);
  connect_gpus("w1", 2);
  EXPECT_EQ(placed("w1"), "a on GPU0, a on GPU1");
  EXPECT_EQ(scheduler_.totals().placements, 2u) << "none was new";
}

}  // namespace
}  // namespace gogrid::domain
