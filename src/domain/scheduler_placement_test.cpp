// What each worker has ready: coming, going, making room, and what is learned of memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "domain/scheduler.hpp"

namespace gogrid::domain {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::uint64_t gigabyte = 1'000'000'000;

// A scheduler and machines that do as they are told when the test says so.
class PlacementTest : public testing::Test {
 protected:
  PlacementTest() { scheduler_.engine_changed("linux-x86_64", EngineBundle{"e", "vulkan", 1, "linux-x86_64"}, now_); }
  ~PlacementTest() override { scheduler_.check_invariants(); }

  // Takes 3 GB: 2 GB, a fifth of it and the engine, and on a GPU about 2.6 GB.
  static Model model(const std::string& name, std::uint32_t slots = 1) {
    Model model;
    model.id = ModelId("m_" + name);
    model.name = name;
    model.sha256 = "sha-" + name;
    model.size_bytes = 2 * gigabyte;
    model.context_tokens = 4096;
    model.slots = slots;
    model.shape.layers = 19;
    return model;
  }
  void add(Model its_model) { take(scheduler_.model_added(std::move(its_model), now_)); }

  // `memory_gb` for models.
  void connect(const std::string& worker, double memory_gb, bool has_gpu = false) {
    WorkerFacts facts;
    facts.target = "linux-x86_64";
    facts.host_name = "host-" + worker;
    facts.hardware.memory_bytes = static_cast<std::uint64_t>(memory_gb * 1e9 / 0.6) + 1000;
    facts.tells_devices = has_gpu;
    facts.held = std::move(held_);
    held_.clear();
    machines_[worker] = {};
    take(scheduler_.worker_connected(WorkerId(worker), facts, now_));
  }
  void gone(const std::string& worker, bool may_return) {
    take(scheduler_.worker_gone(WorkerId(worker), may_return, now_));
  }
  void take(const Actions& actions) {
    for (const auto& action : actions) {
      if (const auto* assign = std::get_if<Assign>(&action)) {
        Machine& machine = machines_[assign->worker.text()];
        EXPECT_GT(assign->revision, machine.told);
        machine.told = assign->revision;
        machine.assignment = assign->assignment;
      } else if (const auto* dispatch = std::get_if<Dispatch>(&action)) {
        running_[dispatch->request.text()] = dispatch->worker.text();
      } else if (const auto* reject = std::get_if<Reject>(&action)) {
        rejected_[reject->request.text()] = reject->text;
      } else if (const auto* lease = std::get_if<Lease>(&action)) {
        lease_ = *lease;
      } else if (const auto* measured = std::get_if<Measured>(&action)) {
        measured_.push_back(*measured);
      }
    }
  }

  // What the worker is to have: "a,b".
  std::string assigned(const std::string& worker) {
    std::string names;
    for (const auto& replica : machines_[worker].assignment.replicas)
      names += (names.empty() ? "" : ",") + replica.model.name;
    return names;
  }
  const AssignedReplica& only(const std::string& worker) { return machines_[worker].assignment.replicas.at(0); }

  // It has done all it was told: what is assigned is ready, what is not is gone.
  void settle(const std::string& worker) { report(worker, {}); }
  // The same, but these are in another phase, and may not be assigned any more.
  void report(const std::string& worker, const std::map<std::string, Phase>& phases) {
    WorkerReport report = report_of(worker);
    for (const auto& [name, phase] : phases) {
      const ModelId id("m_" + name);
      std::erase_if(report.replicas, [&id](const auto& replica) { return replica.model == id; });
      report.replicas.push_back(ReplicaReport{id, Progress{phase, 10, 100, "its last words"}, 1, 1});
    }
    send(worker, std::move(report));
  }
  WorkerReport report_of(const std::string& worker) {
    Machine& machine = machines_[worker];
    WorkerReport report;
    report.revision = machine.told;
    report.engine.progress.phase = Phase::ready;
    report.engine.devices = machine.devices;
    for (const auto& replica : machine.assignment.replicas)
      report.replicas.push_back(
          ReplicaReport{replica.model.id, Progress{Phase::ready, 0, 0, ""}, replica.model.slots, 1});
    return report;
  }
  void send(const std::string& worker, WorkerReport report) {
    take(scheduler_.worker_reported(WorkerId(worker), std::move(report), now_));
    scheduler_.check_invariants();
  }
  void fail(const std::string& worker, bool out_of_memory, std::uint32_t starts = 1) {
    WorkerReport report = report_of(worker);
    ReplicaReport& replica = report.replicas.at(0);
    replica.progress = Progress{Phase::failed, 0, 0, "the engine ended:\nits log"};
    replica.out_of_memory = out_of_memory;
    replica.starts = starts;
    send(worker, std::move(report));
  }
  static EngineDevice device(const std::string& name, double total_gb, double limit_gb = 1000, double foreign_gb = 0) {
    const auto bytes = [](double gb) { return static_cast<std::uint64_t>(gb * 1e9); };
    return {name, "A card", bytes(total_gb), std::min(bytes(total_gb), bytes(limit_gb)), bytes(foreign_gb)};
  }

  void submit(const std::string& request, const std::string& name) {
    take(scheduler_.request_submitted(Request{RequestId(request), ModelId("m_" + name), Deadline::at(now_ + 600s)},
                                      now_));
    scheduler_.check_invariants();
  }
  void finish(const std::string& request) {
    running_.erase(request);
    take(scheduler_.request_finished(RequestId(request), now_, Usage{10, 10}));
  }
  std::string why(const std::string& request) {
    const auto explanation = scheduler_.explain(RequestId(request), now_);
    return explanation ? std::string(to_string(explanation->reason)) + ": " + explanation->text : "it does not wait";
  }
  void pass(std::chrono::milliseconds time) {
    const SteadyTime until = now_ + time;
    while (const auto due = scheduler_.next_tick()) {
      if (*due > until) break;
      now_ = std::max(now_, *due);
      take(scheduler_.tick(now_));
    }
    now_ = until;
    scheduler_.check_invariants();
  }

  struct Machine {
    std::uint64_t told = 0;
    Assignment assignment;
    std::vector<EngineDevice> devices;
  };
  std::map<std::string, Machine> machines_;
  std::map<std::string, std::string> running_;
  std::map<std::string, std::string> rejected_;
  std::vector<Measured> measured_;
  std::vector<HeldReplica> held_;
  Lease lease_;
  SteadyTime now_{1h};
  Scheduler scheduler_{SchedulerLimits{}};
};

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
