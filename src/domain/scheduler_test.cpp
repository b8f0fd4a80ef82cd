#include "domain/scheduler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace gogrid::domain {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::uint64_t gigabyte = 1'000'000'000;

// A scheduler with a clock of its own and short names for things.
class SchedulerTest : public testing::Test {
 protected:
  explicit SchedulerTest(SchedulerLimits limits = {}) : scheduler_(limits) {}

  static Model model(const std::string& name, std::uint32_t slots = 2, std::uint64_t size_bytes = gigabyte) {
    return Model{ModelId("m_" + name), name, ModelKind::chat, "sha-" + name, size_bytes, 4096, slots};
  }
  static EngineBundle bundle(const std::string& sha = "engine") { return {sha, "cpu", 1000, "linux-x86_64"}; }
  static WorkerFacts facts(std::uint64_t memory_bytes = 16 * gigabyte) {
    WorkerFacts facts;
    facts.target = "linux-x86_64";
    facts.hardware.memory_bytes = memory_bytes;
    return facts;
  }
  static ReplicaReport replica(const std::string& name, Phase phase, std::uint32_t slots = 2) {
    return ReplicaReport{ModelId("m_" + name), Progress{phase, 41, 100, ""}, slots, 1};
  }
  static WorkerReport report(std::vector<ReplicaReport> replicas, Availability availability = Availability::available) {
    WorkerReport report;
    report.availability = availability;
    report.replicas = std::move(replicas);
    return report;
  }

  Actions connect(const std::string& worker) { return scheduler_.worker_connected(WorkerId(worker), facts(), now_); }
  Actions report_of(const std::string& worker, WorkerReport its_report) {
    return scheduler_.worker_reported(WorkerId(worker), std::move(its_report), now_);
  }
  Actions submit(const std::string& request, const std::string& model_name = "a",
                 std::chrono::milliseconds wait = 120s) {
    return scheduler_.request_submitted(
        Request{RequestId(request), ModelId("m_" + model_name), Deadline::at(now_ + wait)}, now_);
  }
  Actions finish(const std::string& request) { return scheduler_.request_finished(RequestId(request), now_); }
  Actions give_back(const std::string& request) {
    return scheduler_.request_returned(RequestId(request), ReturnCause::refused, now_);
  }

  // One model "a" and these workers with a ready replica of it.
  void ready_workers(const std::vector<std::string>& workers, std::uint32_t slots = 2) {
    scheduler_.model_added(model("a", slots), now_);
    scheduler_.engine_changed("linux-x86_64", bundle(), now_);
    for (const auto& worker : workers) {
      connect(worker);
      report_of(worker, report({replica("a", Phase::ready, slots)}));
    }
  }

  // "r1>w1" for each dispatch, "r1!code" for each rejection, "w1=a,b" for each assignment.
  static std::vector<std::string> words(const Actions& actions) {
    std::vector<std::string> words;
    for (const auto& action : actions) {
      if (const auto* dispatch = std::get_if<Dispatch>(&action)) {
        words.push_back(dispatch->request.text() + ">" + dispatch->worker.text());
      } else if (const auto* reject = std::get_if<Reject>(&action)) {
        words.push_back(reject->request.text() + "!" + std::string(to_string(reject->code)));
      } else {
        const auto& assign = std::get<Assign>(action);
        std::string names;
        for (const auto& assigned : assign.assignment.replicas)
          names += (names.empty() ? "" : ",") + assigned.model.name;
        words.push_back(assign.worker.text() + "=" + names);
      }
    }
    return words;
  }
  static std::string text_of(const Actions& actions) {
    for (const auto& action : actions) {
      if (const auto* reject = std::get_if<Reject>(&action)) return reject->text;
    }
    return "(no rejection)";
  }
  using Words = std::vector<std::string>;

  SteadyTime now_{1h};
  Scheduler scheduler_;
};

// ---- assignment ----

TEST_F(SchedulerTest, AConnectingWorkerIsAlwaysToldWhatToHave) {
  EXPECT_EQ(words(connect("w1")), (Words{"w1="}));
  scheduler_.engine_changed("linux-x86_64", bundle(), now_);
  EXPECT_EQ(words(scheduler_.model_added(model("a"), now_)), (Words{"w1=a"}));
  EXPECT_EQ(words(connect("w2")), (Words{"w2=a"}));
}

TEST_F(SchedulerTest, AssignmentsChangeOnlyWhereSomethingChanged) {
  ready_workers({"w1"});
  EXPECT_EQ(words(scheduler_.model_added(model("b"), now_)), (Words{"w1=a,b"}));
  EXPECT_EQ(words(scheduler_.model_added(model("b"), now_)), Words{});
  EXPECT_EQ(words(scheduler_.engine_changed("linux-aarch64", EngineBundle{"x", "cpu", 1, "linux-aarch64"}, now_)),
            Words{});
  EXPECT_EQ(words(scheduler_.engine_changed("linux-x86_64", bundle("newer"), now_)), (Words{"w1=a,b"}));
  EXPECT_EQ(words(scheduler_.model_removed(ModelId("m_a"), now_)), (Words{"w1=b"}));
}

TEST_F(SchedulerTest, ModelsAreAssignedInTheirOrderAsFarAsMemoryGoes) {
  scheduler_.engine_changed("linux-x86_64", bundle(), now_);
  // 60 % of 10 GB is 6 GB. a: 3.9 GB, b: 2.7 GB does not fit any more, c: 1.5 GB does.
  scheduler_.model_added(model("a", 1, 3 * gigabyte), now_);
  scheduler_.model_added(model("b", 1, 2 * gigabyte), now_);
  scheduler_.model_added(model("c", 1, gigabyte), now_);
  EXPECT_EQ(words(scheduler_.worker_connected(WorkerId("w1"), facts(10 * gigabyte), now_)), (Words{"w1=a,c"}));
  scheduler_.model_added(model("d", 1, 5 * gigabyte), now_);
  EXPECT_EQ(text_of(submit("r1", "d")),
            "no worker can hold this model; 1 worker is connected: 1 with too little memory (it needs 6.3 GB; the most "
            "is 6.0 GB on w1)");
}

TEST_F(SchedulerTest, WithoutAnEngineBundleNothingIsAssignedAndTheReasonSaysSo) {
  scheduler_.model_added(model("a"), now_);
  EXPECT_EQ(words(connect("w1")), (Words{"w1="}));
  EXPECT_THAT(text_of(submit("r1")), HasSubstr("1 without an engine bundle for linux-x86_64"));
}

TEST_F(SchedulerTest, AWorkerWithItsOwnEngineNeedsNoBundle) {
  scheduler_.model_added(model("a"), now_);
  WorkerFacts own = facts();
  own.has_local_engine = true;
  EXPECT_EQ(words(scheduler_.worker_connected(WorkerId("w1"), own, now_)), (Words{"w1=a"}));
}

// One that keeps coming back would be given all the work.
TEST_F(SchedulerTest, AReplicaThatHasJustBecomeReadyHasNotRested) {
  ready_workers({"w1", "w2"});
  now_ += 1s;
  EXPECT_EQ(words(submit("r1")), (Words{"r1>w1"}));
  now_ += 1s;
  scheduler_.worker_gone(WorkerId("w1"), true, now_);
  connect("w1");
  report_of("w1", report({replica("a", Phase::ready)}));
  EXPECT_EQ(words(submit("r2")), (Words{"r2>w2"}));
}

TEST_F(SchedulerTest, WorkersThatVanishWithARequestAreNotItsFault) {
  constexpr int count = 9;
  std::vector<std::string> workers;
  workers.reserve(count);
  for (int i = 0; i < count; ++i)
    workers.push_back("w" + std::to_string(i));
  ready_workers(workers, 1);
  std::string on = words(submit("r1")).at(0);
  for (int losses = 1; losses <= 8; ++losses) {
    scheduler_.worker_gone(WorkerId(on.substr(3)), false, now_);
    const auto next = words(give_back("r1")).at(0);
    if (losses == 8) {
      EXPECT_EQ(next, "r1!worker_lost") << "what kills workers must not go round";
      break;
    }
    ASSERT_THAT(next, HasSubstr("r1>w")) << losses;
    on = next;
  }
}

// ---- dispatch ----

TEST_F(SchedulerTest, RequestsGoToTheLeastLoadedReplicaAndThenWait) {
  ready_workers({"w1", "w2"});
  EXPECT_EQ(words(submit("r1")), (Words{"r1>w1"}));
  EXPECT_EQ(words(submit("r2")), (Words{"r2>w2"}));
  EXPECT_EQ(words(submit("r3")), (Words{"r3>w1"}));
  EXPECT_EQ(words(submit("r4")), (Words{"r4>w2"}));
  EXPECT_EQ(words(submit("r5")), Words{});
  EXPECT_EQ(words(submit("r6")), Words{});
  EXPECT_EQ(scheduler_.totals().requests_waiting, 2u);
  EXPECT_EQ(words(finish("r4")), (Words{"r5>w2"}));
  EXPECT_EQ(words(finish("r1")), (Words{"r6>w1"}));
}

TEST_F(SchedulerTest, LoadIsRelativeToTheSlotsOfAReplica) {
  ready_workers({"w1", "w2"});
  report_of("w2", report({replica("a", Phase::ready, 8)}));
  submit("r1");
  // w1 is half busy: the next four go to w2, until it is half busy too.
  for (const auto* request : {"r2", "r3", "r4", "r5"})
    EXPECT_EQ(words(submit(request)), (Words{std::string(request) + ">w2"}));
}

TEST_F(SchedulerTest, OfEquallyLoadedReplicasTheLongestIdleIsTaken) {
  ready_workers({"w1", "w2"});
  submit("r1");
  submit("r2");
  now_ += 1s;
  finish("r2");
  now_ += 1s;
  finish("r1");
  EXPECT_EQ(words(submit("r3")), (Words{"r3>w2"}));
}

TEST_F(SchedulerTest, ACancelledRequestLeavesTheQueue) {
  ready_workers({"w1"}, 1);
  submit("r1");
  submit("r2");
  submit("r3");
  EXPECT_EQ(words(finish("r2")), Words{});
  EXPECT_EQ(words(finish("r1")), (Words{"r3>w1"}));
  EXPECT_EQ(words(finish("r3")), Words{});
  EXPECT_EQ(scheduler_.totals().requests_running, 0u);
}

TEST_F(SchedulerTest, OneModelsQueueDoesNotBlockAnother) {
  ready_workers({"w1"}, 1);
  scheduler_.model_added(model("b", 1), now_);
  report_of("w1", report({replica("a", Phase::ready, 1), replica("b", Phase::ready, 1)}));
  submit("r1");
  submit("r2");
  EXPECT_EQ(words(submit("r3", "b")), (Words{"r3>w1"}));
}

TEST_F(SchedulerTest, APausedDrainingOrRefusingWorkerIsGivenNothingNew) {
  ready_workers({"w1", "w2"});
  for (const auto availability : {Availability::paused, Availability::draining, Availability::refusing}) {
    report_of("w1", report({replica("a", Phase::ready)}, availability));
    EXPECT_EQ(words(submit("r1")), (Words{"r1>w2"}));
    EXPECT_EQ(words(submit("r2")), (Words{"r2>w2"}));
    EXPECT_EQ(words(submit("r3")), Words{});
    EXPECT_EQ(words(report_of("w1", report({replica("a", Phase::ready)}))), (Words{"r3>w1"}));
    for (const auto* request : {"r1", "r2", "r3"})
      finish(request);
  }
}

TEST_F(SchedulerTest, WaitsWhileAReplicaLoadsAndGoesWhenItIsReady) {
  ready_workers({});
  connect("w1");
  for (const auto phase : {Phase::waiting, Phase::fetching, Phase::unpacking, Phase::loading}) {
    report_of("w1", report({replica("a", phase)}));
    EXPECT_EQ(words(submit("r-" + std::string(to_string(phase)))), Words{});
  }
  EXPECT_EQ(words(report_of("w1", report({replica("a", Phase::ready)}))), (Words{"r-waiting>w1", "r-fetching>w1"}));
}

TEST_F(SchedulerTest, MoreSlotsAreUsedAtOnceAndFewerTakeNothingAway) {
  ready_workers({"w1"}, 1);
  submit("r1");
  submit("r2");
  submit("r3");
  EXPECT_EQ(words(report_of("w1", report({replica("a", Phase::ready, 3)}))), (Words{"r2>w1", "r3>w1"}));
  report_of("w1", report({replica("a", Phase::ready, 1)}));
  submit("r4");
  EXPECT_EQ(words(finish("r1")), Words{});
  EXPECT_EQ(words(finish("r2")), Words{});
  EXPECT_EQ(words(finish("r3")), (Words{"r4>w1"}));
}

// ---- rejection ----

TEST_F(SchedulerTest, WhatNobodyCanServeIsRejectedAtOnceWithAReason) {
  EXPECT_EQ(words(submit("r0")), (Words{"r0!model_not_found"}));
  ready_workers({});
  EXPECT_EQ(words(submit("r1")), (Words{"r1!no_worker"}));
  EXPECT_EQ(text_of(submit("r2")), "no worker is connected");
  connect("w1");
  report_of("w1", report({}, Availability::paused));
  EXPECT_EQ(text_of(submit("r3")), "1 worker has this model: 1 paused by its owner");
  connect("w2");
  auto refusing = report({}, Availability::refusing);
  refusing.reason = "bubblewrap is not installed\nmore";
  report_of("w2", refusing);
  const auto actions = submit("r4");
  EXPECT_EQ(text_of(actions),
            "2 workers have this model: 1 paused by its owner, 1 cannot run work (bubblewrap is not installed)");
  EXPECT_GT(std::get<Reject>(actions.front()).retry_after, 0s);
}

TEST_F(SchedulerTest, WaitingRequestsAreRejectedWhenTheLastHopeGoes) {
  ready_workers({"w1"}, 1);
  submit("r1");
  submit("r2");
  EXPECT_EQ(words(report_of("w1", report({replica("a", Phase::ready, 1)}, Availability::paused))),
            (Words{"r2!no_worker"}));
  // What runs goes on.
  EXPECT_EQ(scheduler_.totals().requests_running, 1u);
}

TEST_F(SchedulerTest, AWaitThatIsTooLongEndsWithItsReason) {
  ready_workers({"w1"}, 1);
  submit("r1");
  submit("r2", "a", 10s);
  submit("r3", "a", 20s);
  // Then another worker would be looked for.
  EXPECT_EQ(scheduler_.next_tick(), now_ + 5s);
  EXPECT_EQ(words(scheduler_.tick(now_ + 5s)), Words{});
  EXPECT_EQ(scheduler_.next_tick(), now_ + 10s);
  now_ += 10s;
  const auto actions = scheduler_.tick(now_);
  EXPECT_EQ(words(actions), (Words{"r2!model_not_ready"}));
  EXPECT_EQ(text_of(actions), "it waited 10 s for a free slot; 1 worker has this model: 1 ready (1 of 1 slot busy)");
  EXPECT_EQ(scheduler_.next_tick(), now_ + 10s);
}

TEST_F(SchedulerTest, ExplainsWhyARequestWaits) {
  ready_workers({"w1"}, 1);
  connect("w2");
  report_of("w2", report({replica("a", Phase::loading)}));
  connect("w3");
  report_of("w3", report({}, Availability::paused));
  submit("r1");
  submit("r2");
  submit("r3");
  now_ += 3s;
  EXPECT_FALSE(scheduler_.explain(RequestId("r1"), now_));
  const auto explanation = scheduler_.explain(RequestId("r3"), now_);
  ASSERT_TRUE(explanation);
  EXPECT_EQ(explanation->text,
            "3 workers have this model: 1 ready (1 of 1 slot busy), 1 paused by its owner, 1 loading (41 %)");
  EXPECT_EQ(explanation->position, 1u);
  EXPECT_EQ(explanation->waited, 3s);
}

class SmallQueueTest : public SchedulerTest {
 protected:
  static SchedulerLimits limits() {
    SchedulerLimits limits;
    limits.max_waiting_requests = 2;
    return limits;
  }
  SmallQueueTest() : SchedulerTest(limits()) {}
};

TEST_F(SmallQueueTest, AFullQueueTurnsRequestsAwayButNotThoseThatCanRunAtOnce) {
  ready_workers({"w1"}, 1);
  scheduler_.model_added(model("b", 1), now_);
  report_of("w1", report({replica("a", Phase::ready, 1), replica("b", Phase::ready, 1)}));
  submit("r1");
  submit("r2");
  submit("r3");
  const auto actions = submit("r4");
  EXPECT_EQ(words(actions), (Words{"r4!queue_full"}));
  EXPECT_GT(std::get<Reject>(actions.front()).retry_after, 0s);
  EXPECT_EQ(words(submit("r5", "b")), (Words{"r5>w1"}));
}

// ---- loss ----

TEST_F(SchedulerTest, AReturnedRequestHasItsOldPlace) {
  ready_workers({"w1", "w2"}, 1);
  submit("r1");
  submit("r2");
  submit("r3");
  EXPECT_EQ(words(scheduler_.worker_gone(WorkerId("w1"), true, now_)), Words{});
  EXPECT_EQ(words(give_back("r1")), Words{});
  EXPECT_EQ(words(finish("r2")), (Words{"r1>w2"}));
  EXPECT_EQ(words(finish("r1")), (Words{"r3>w2"}));
}

TEST_F(SchedulerTest, AnInterruptedRequestIsNextAndWaitsNoLongerThanItMay) {
  ready_workers({"w1", "w2"}, 1);
  submit("r1");
  submit("r2");
  submit("r3");
  // As often as it takes: it is no attempt.
  for (int loss = 0; loss < 5; ++loss) {
    scheduler_.worker_gone(WorkerId("w1"), true, now_);
    EXPECT_EQ(words(scheduler_.request_interrupted(RequestId("r1"), ReturnCause::worker_lost, 10s, now_)), Words{});
    connect("w1");
    EXPECT_EQ(words(report_of("w1", report({replica("a", Phase::ready, 1)}))), (Words{"r1>w1"}));
  }
  scheduler_.worker_gone(WorkerId("w1"), true, now_);
  scheduler_.request_interrupted(RequestId("r1"), ReturnCause::worker_lost, 10s, now_);
  now_ += 10s;
  EXPECT_EQ(words(scheduler_.tick(now_)), (Words{"r1!model_not_ready"}));
  EXPECT_EQ(words(finish("r2")), (Words{"r3>w2"}));
}

TEST_F(SchedulerTest, WhatAPausedWorkerGivesUpIsNoFailureOfIt) {
  ready_workers({"w1"}, 1);
  for (int pause = 0; pause < 20; ++pause) {
    const std::string id = "r" + std::to_string(pause);
    EXPECT_EQ(words(submit(id)), (Words{id + ">w1"}));
    report_of("w1", report({replica("a", Phase::ready, 1)}, Availability::paused));
    scheduler_.request_interrupted(RequestId(id), ReturnCause::refused, 10s, now_);
    finish(id);
    report_of("w1", report({replica("a", Phase::ready, 1)}));
  }
  EXPECT_EQ(scheduler_.totals().workers_quarantined, 0u);
}

// A GPU that its owner uses, beside another that goes on.
TEST_F(SchedulerTest, WhatAPausedReplicaGivesUpIsNoFailureOfItsWorker) {
  ready_workers({"w1"}, 1);
  for (int pause = 0; pause < 20; ++pause) {
    const std::string id = "r" + std::to_string(pause);
    EXPECT_EQ(words(submit(id)), (Words{id + ">w1"}));
    report_of("w1", report({replica("a", Phase::waiting, 0)}));
    scheduler_.request_interrupted(RequestId(id), ReturnCause::refused, 10s, now_);
    finish(id);
    report_of("w1", report({replica("a", Phase::ready, 1)}));
  }
  EXPECT_EQ(scheduler_.totals().workers_quarantined, 0u);
}

// Its streams break before its connection is known to be gone. A worker that only comes and goes does its work well.
TEST_F(SchedulerTest, WhatIsLostWithItsConnectionIsNoFailureOfTheWorker) {
  ready_workers({"w1"}, 1);
  for (int loss = 0; loss < 20; ++loss) {
    const std::string id = "r" + std::to_string(loss);
    submit(id);
    scheduler_.request_returned(RequestId(id), ReturnCause::worker_lost, now_);
    scheduler_.worker_gone(WorkerId("w1"), true, now_);
    connect("w1");
    EXPECT_EQ(words(report_of("w1", report({replica("a", Phase::ready, 1)}))), (Words{id + ">w1"}));
    finish(id);
  }
  EXPECT_EQ(scheduler_.totals().workers_quarantined, 0u);
}

TEST_F(SchedulerTest, AWorkerThatLostItsConnectionIsExpectedBackForAMoment) {
  ready_workers({"w1"}, 1);
  submit("r1");
  scheduler_.worker_gone(WorkerId("w1"), true, now_);
  EXPECT_EQ(words(give_back("r1")), Words{});
  EXPECT_EQ(words(submit("r2")), Words{});
  now_ += 2s;
  connect("w1");
  EXPECT_EQ(words(report_of("w1", report({replica("a", Phase::ready, 1)}))), (Words{"r1>w1"}));
  scheduler_.worker_gone(WorkerId("w1"), true, now_);
  give_back("r1");
  ASSERT_TRUE(scheduler_.next_tick());
  now_ += 5s;
  EXPECT_EQ(words(scheduler_.tick(now_)), (Words{"r1!no_worker", "r2!no_worker"}));
}

TEST_F(SchedulerTest, WorkersThatWereThereBeforeAStartAreWaitedForAWhile) {
  scheduler_.workers_expected({WorkerId("w1"), WorkerId("w2")}, 10s, now_);
  scheduler_.model_added(model("a", 1), now_);
  scheduler_.engine_changed("linux-x86_64", bundle(), now_);
  EXPECT_EQ(words(submit("r1")), Words{});
  EXPECT_EQ(scheduler_.explain(RequestId("r1"), now_)->text, "2 workers have this model: 2 connecting again");
  EXPECT_EQ(scheduler_.totals().workers_connected, 0u);
  EXPECT_EQ(words(connect("w1")), (Words{"w1=a"}));
  EXPECT_EQ(words(report_of("w1", report({replica("a", Phase::ready, 1)}))), (Words{"r1>w1"}));
  report_of("w1", report({}, Availability::paused));
  EXPECT_EQ(words(submit("r2")), Words{});
  now_ += 10s;
  EXPECT_EQ(words(scheduler_.tick(now_)), (Words{"r2!no_worker"}));
  scheduler_.check_invariants();
}

TEST_F(SchedulerTest, ARevokedOrLeavingWorkerIsNotExpectedBack) {
  ready_workers({"w1"}, 1);
  scheduler_.worker_gone(WorkerId("w1"), false, now_);
  EXPECT_EQ(words(submit("r1")), (Words{"r1!no_worker"}));
  connect("w1");
  report_of("w1", report({}, Availability::draining));
  scheduler_.worker_gone(WorkerId("w1"), true, now_);
  EXPECT_EQ(words(submit("r2")), (Words{"r2!no_worker"}));
}

TEST_F(SchedulerTest, ASecondConnectionOfAWorkerLosesWhatRanOnTheFirst) {
  ready_workers({"w1"}, 1);
  submit("r1");
  connect("w1");
  EXPECT_EQ(scheduler_.totals().requests_running, 0u);
  EXPECT_EQ(words(give_back("r1")), Words{});
  EXPECT_EQ(words(report_of("w1", report({replica("a", Phase::ready, 1)}))), (Words{"r1>w1"}));
}

TEST_F(SchedulerTest, AReplicaThatGivesARequestBackIsHeldUntilItReportsAChange) {
  ready_workers({"w1"}, 1);
  submit("r1");
  EXPECT_EQ(words(give_back("r1")), Words{});
  EXPECT_EQ(words(report_of("w1", report({replica("a", Phase::ready, 1)}))), Words{});
  report_of("w1", report({replica("a", Phase::loading, 1)}));
  EXPECT_EQ(words(report_of("w1", report({replica("a", Phase::ready, 1)}))), (Words{"r1>w1"}));
  give_back("r1");
  now_ += 1s;
  EXPECT_EQ(words(scheduler_.tick(now_)), (Words{"r1>w1"}));
  EXPECT_EQ(words(give_back("r1")), (Words{"r1!worker_lost"}));
}

TEST_F(SchedulerTest, FailingEnginesAreGivenTimeToRestartButNotForEver) {
  ready_workers({"w1"}, 1);
  auto failed = replica("a", Phase::failed);
  failed.progress.detail = "the model file is broken";
  report_of("w1", report({failed}));
  EXPECT_EQ(words(submit("r1")), Words{});
  EXPECT_EQ(words(report_of("w1", report({replica("a", Phase::ready, 1)}))), (Words{"r1>w1"}));
  finish("r1");
  report_of("w1", report({failed}));
  submit("r2");
  now_ += 15s;
  const auto actions = scheduler_.tick(now_);
  EXPECT_EQ(words(actions), (Words{"r2!model_not_ready"}));
  EXPECT_EQ(text_of(actions), "1 worker has this model: 1 failing to start its engine (the model file is broken)");
  EXPECT_EQ(words(submit("r3")), (Words{"r3!model_not_ready"}));
}

TEST_F(SchedulerTest, RemovingAModelRejectsWhatWaitsAndLetsRunningRequestsEnd) {
  ready_workers({"w1"}, 1);
  submit("r1");
  submit("r2");
  EXPECT_EQ(words(scheduler_.model_removed(ModelId("m_a"), now_)), (Words{"r2!model_not_found", "w1="}));
  EXPECT_EQ(scheduler_.totals().slots_busy, 1u);
  scheduler_.check_invariants();
  finish("r1");
  EXPECT_EQ(scheduler_.totals().slots_busy, 0u);
  scheduler_.check_invariants();
}

TEST_F(SchedulerTest, UnknownNamesAreIgnored) {
  EXPECT_TRUE(finish("nobody").empty());
  EXPECT_TRUE(give_back("nobody").empty());
  EXPECT_TRUE(report_of("nobody", report({})).empty());
  EXPECT_TRUE(scheduler_.worker_gone(WorkerId("nobody"), true, now_).empty());
  EXPECT_TRUE(scheduler_.model_removed(ModelId("nobody"), now_).empty());
}

}  // namespace
}  // namespace gogrid::domain
