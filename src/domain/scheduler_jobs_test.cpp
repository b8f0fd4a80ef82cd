// Jobs in the scheduler: leases, attempts, order, shares, limits, and what they are told while they wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "domain/scheduler.hpp"

namespace gogrid::domain {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr SystemTime epoch = SystemTime(std::chrono::hours(24 * 20'000));

// A scheduler with clocks of its own, one model "a" and ready workers.
class SchedulerJobsTest : public testing::Test {
 protected:
  SchedulerJobsTest() {
    scheduler_.clock_read(epoch, now_);
    scheduler_.begin_leases(7);
    scheduler_.model_added(Model{ModelId("m_a"), "a", ModelKind::chat, "sha", 1'000'000'000, 4096, 1}, now_);
    scheduler_.engine_changed("linux-x86_64", EngineBundle{"e", "cpu", 1, "linux-x86_64"}, now_);
  }

  Actions worker(const std::string& id, std::uint32_t slots = 1, std::vector<std::uint64_t> leases = {}) {
    WorkerFacts facts;
    facts.target = "linux-x86_64";
    facts.hardware.memory_bytes = 16'000'000'000;
    facts.keeps_leases = true;
    facts.leases = std::move(leases);
    Actions actions = scheduler_.worker_connected(WorkerId(id), facts, now_);
    WorkerReport report;
    report.replicas.push_back(ReplicaReport{ModelId("m_a"), Progress{Phase::ready, 0, 0, ""}, slots, 1});
    append(actions, scheduler_.worker_reported(WorkerId(id), report, now_));
    return actions;
  }
  Actions gone(const std::string& id, bool may_return = true) {
    return scheduler_.worker_gone(WorkerId(id), may_return, now_);
  }
  static void append(Actions& actions, Actions more) {
    actions.insert(actions.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }

  Job job(std::int64_t id, int priority = 50, const std::string& key = "k") {
    Job made;
    made.id = JobId(id);
    made.model = "a";
    made.key = KeyId(key);
    made.priority = priority;
    made.created_at = system_now();
    made.max_attempts = 3;
    return made;
  }
  Actions submit(Job made) { return scheduler_.job_submitted(std::move(made), false, now_); }
  Actions submit(std::int64_t id, int priority = 50, const std::string& key = "k") {
    return submit(job(id, priority, key));
  }
  Actions ended(std::int64_t id, AttemptOutcome outcome, std::uint64_t tokens = 100) {
    AttemptEnd end;
    end.outcome = outcome;
    end.reason = outcome == AttemptOutcome::succeeded ? "" : "the engine broke";
    end.usage.completion_tokens = tokens;
    return scheduler_.job_ended(JobId(id), leases_[id], end, now_);
  }
  Actions succeed(std::int64_t id, std::uint64_t tokens = 100) {
    Actions actions = ended(id, AttemptOutcome::succeeded, tokens);
    scheduler_.job_stored(JobId(id), now_);
    return actions;
  }
  Actions pass(std::chrono::milliseconds time) {
    now_ += time;
    return scheduler_.tick(now_);
  }
  // Lets the job that was leased last succeed, again and again. Which ones these were.
  std::vector<std::int64_t> serve(Actions actions, std::size_t count) {
    std::vector<std::int64_t> order;
    while (order.size() < count) {
      words(actions);
      std::int64_t leased = 0;
      for (const auto& action : actions) {
        if (const auto* lease = std::get_if<Lease>(&action)) leased = lease->job.value();
      }
      if (leased == 0) break;
      order.push_back(leased);
      // The last one runs on.
      if (order.size() < count) actions = succeed(leased);
    }
    return order;
  }
  static auto of_calm(const std::vector<std::int64_t>& jobs) {
    return std::count_if(jobs.begin(), jobs.end(), [](std::int64_t id) { return id >= 9000; });
  }
  SystemTime system_now() const { return epoch + (now_ - start_); }
  Explanation why(std::int64_t id) { return scheduler_.explain(JobId(id), now_).value_or(Explanation{}); }

  // "1>w1#1" for a lease (job, worker, attempt), "1=failed" for a settled job, "1x" for a revoked lease, "1<w1" for a
  // resumed one; assignments are left out.
  std::vector<std::string> words(const Actions& actions) {
    std::vector<std::string> words;
    for (const auto& action : actions) {
      if (const auto* lease = std::get_if<Lease>(&action)) {
        EXPECT_GT(lease->lease, leases_[lease->job.value()]);
        leases_[lease->job.value()] = lease->lease;
        words.push_back(std::to_string(lease->job.value()) + ">" + lease->worker.text() + "#" +
                        std::to_string(lease->attempt));
      } else if (const auto* settle = std::get_if<Settle>(&action)) {
        words.push_back(std::to_string(settle->job.value()) + "=" + std::string(to_string(settle->state)));
        last_ = *settle;
      } else if (const auto* revoke = std::get_if<Revoke>(&action)) {
        words.push_back(std::to_string(revoke->job.value()) + "x");
      } else if (const auto* resume = std::get_if<Resume>(&action)) {
        words.push_back(std::to_string(resume->job.value()) + "<" + resume->worker.text());
      } else if (const auto* dispatch = std::get_if<Dispatch>(&action)) {
        words.push_back(dispatch->request.text() + ">" + dispatch->worker.text());
      } else if (const auto* reject = std::get_if<Reject>(&action)) {
        words.push_back(reject->request.text() + "!" + std::string(to_string(reject->code)));
      }
    }
    scheduler_.check_invariants();
    return words;
  }

  const SteadyTime start_{1h};
  SteadyTime now_ = start_;
  Scheduler scheduler_{SchedulerLimits{}};
  std::map<std::int64_t, LeaseId> leases_;
  Settle last_;
};

TEST_F(SchedulerJobsTest, AJobIsLeasedAndSucceeds) {
  worker("w1");
  EXPECT_THAT(words(submit(1)), ElementsAre("1>w1#1"));
  EXPECT_EQ(leases_[1] >> 32, 7u);
  EXPECT_EQ(scheduler_.job_state(JobId(1)), JobState::leased);
  scheduler_.job_running(JobId(1), leases_[1]);
  EXPECT_EQ(scheduler_.job_state(JobId(1)), JobState::running);
  EXPECT_THAT(words(ended(1, AttemptOutcome::succeeded)), ElementsAre("1=succeeded"));
  EXPECT_EQ(last_.lease, leases_[1]);
  EXPECT_EQ(scheduler_.totals().slots_busy, 0u);
  scheduler_.job_stored(JobId(1), now_);
  EXPECT_EQ(scheduler_.job_state(JobId(1)), std::nullopt);
}

TEST_F(SchedulerJobsTest, AResultUnderAnOldLeaseDoesNotCount) {
  worker("w1");
  words(submit(1));
  const LeaseId old = leases_[1];
  EXPECT_THAT(words(ended(1, AttemptOutcome::failed)), ElementsAre("1=queued"));
  EXPECT_THAT(words(pass(2s)), ElementsAre("1>w1#2"));
  AttemptEnd late;
  late.outcome = AttemptOutcome::succeeded;
  EXPECT_THAT(words(scheduler_.job_ended(JobId(1), old, late, now_)), IsEmpty());
  EXPECT_EQ(scheduler_.totals().stale_ends, 1u);
  EXPECT_TRUE(scheduler_.holds_lease(JobId(1), leases_[1]));
}

TEST_F(SchedulerJobsTest, APoisonJobStopsAtItsMaximumWithTheReason) {
  worker("w1");
  words(submit(1));
  EXPECT_THAT(words(ended(1, AttemptOutcome::failed)), ElementsAre("1=queued"));
  EXPECT_EQ(why(1).reason, WaitReason::retry);
  EXPECT_THAT(words(pass(999ms)), IsEmpty());
  EXPECT_THAT(words(pass(1ms)), ElementsAre("1>w1#2"));
  words(ended(1, AttemptOutcome::failed));
  // Each retry waits twice as long.
  EXPECT_THAT(words(pass(1999ms)), IsEmpty());
  EXPECT_THAT(words(pass(1ms)), ElementsAre("1>w1#3"));
  EXPECT_THAT(words(ended(1, AttemptOutcome::failed)), ElementsAre("1=failed"));
  EXPECT_EQ(last_.error_code, "attempts_exhausted");
  EXPECT_THAT(last_.error_message, HasSubstr("the engine broke"));
}

TEST_F(SchedulerJobsTest, ARefusalIsNoAttempt) {
  worker("w1");
  words(submit(1));
  EXPECT_THAT(words(ended(1, AttemptOutcome::refused)), ElementsAre("1=queued"));
  EXPECT_THAT(words(pass(1s)), ElementsAre("1>w1#1"));
}

TEST_F(SchedulerJobsTest, ARequestThatTheEngineRejectsFailsAtOnce) {
  worker("w1");
  words(submit(1));
  EXPECT_THAT(words(ended(1, AttemptOutcome::rejected)), ElementsAre("1=failed"));
  EXPECT_EQ(last_.error_code, "request_rejected");
}

TEST_F(SchedulerJobsTest, AFailedJobGoesToAnotherWorkerIfThereIsOne) {
  worker("w1");
  worker("w2");
  words(submit(1));
  words(ended(1, AttemptOutcome::failed));
  EXPECT_THAT(words(pass(1s)), ElementsAre("1>w2#2"));
}

TEST_F(SchedulerJobsTest, ALostWorkerMayComeBackWithItsJob) {
  worker("w1");
  words(submit(1));
  EXPECT_THAT(words(gone("w1")), IsEmpty());
  EXPECT_EQ(why(1).reason, WaitReason::worker_returning);
  now_ += 2s;
  EXPECT_THAT(words(worker("w1", 1, {leases_[1]})), ElementsAre("1<w1"));
  EXPECT_TRUE(scheduler_.holds_lease(JobId(1), leases_[1]));
  EXPECT_EQ(scheduler_.totals().slots_busy, 1u);
  EXPECT_THAT(words(succeed(1)), ElementsAre("1=succeeded"));
}

TEST_F(SchedulerJobsTest, APausedWorkerMayComeBackWithItsJobToo) {
  worker("w1");
  words(submit(1));
  WorkerReport paused;
  paused.availability = Availability::paused;
  paused.replicas.push_back(ReplicaReport{ModelId("m_a"), Progress{Phase::ready, 0, 0, ""}, 1, 1});
  scheduler_.worker_reported(WorkerId("w1"), paused, now_);
  EXPECT_THAT(words(gone("w1")), IsEmpty());
  EXPECT_EQ(why(1).reason, WaitReason::worker_returning);
  // For anything new it is as if it were there.
  EXPECT_FALSE(scheduler_.outlook(ModelId("m_a")).hopeful());
  EXPECT_THAT(words(worker("w1", 1, {leases_[1]})), ElementsAre("1<w1"));
}

TEST_F(SchedulerJobsTest, AWorkerThatComesBackWithoutItsJobHasLostIt) {
  worker("w1");
  words(submit(1));
  gone("w1");
  EXPECT_THAT(words(worker("w1")), ElementsAre("1=queued", "1>w1#2"));
}

TEST_F(SchedulerJobsTest, AWorkerThatStaysAwayLosesItsJobAfterAWhile) {
  worker("w1");
  worker("w2");
  words(submit(1));
  EXPECT_THAT(words(gone("w1")), IsEmpty());
  EXPECT_THAT(words(pass(4999ms)), IsEmpty());
  EXPECT_THAT(words(pass(1ms)), ElementsAre("1=queued", "1>w2#2"));
  EXPECT_EQ(last_.end.outcome, AttemptOutcome::worker_lost);
}

TEST_F(SchedulerJobsTest, AWorkerThatKeepsNoLeasesLosesItsJobsAtOnce) {
  WorkerFacts facts;
  facts.target = "linux-x86_64";
  facts.hardware.memory_bytes = 16'000'000'000;
  scheduler_.worker_connected(WorkerId("old"), facts, now_);
  WorkerReport report;
  report.replicas.push_back(ReplicaReport{ModelId("m_a"), Progress{Phase::ready, 0, 0, ""}, 1, 1});
  scheduler_.worker_reported(WorkerId("old"), report, now_);
  words(submit(1));
  EXPECT_THAT(words(gone("old")), ElementsAre("1=queued"));
}

TEST_F(SchedulerJobsTest, ARestoredJobIsResumedOrTriedAgainWithALargerLease) {
  scheduler_.workers_expected({WorkerId("w1"), WorkerId("w2")}, 10s, now_);
  const LeaseId before = (LeaseId{6} << 32) + 5;
  scheduler_.job_restored(job(1), 1, std::nullopt, before, WorkerId("w1"), now_);
  scheduler_.job_restored(job(2), 1, std::nullopt, before + 1, WorkerId("w2"), now_);
  leases_[1] = before;
  leases_[2] = before + 1;
  EXPECT_THAT(words(worker("w1", 1, {before})), ElementsAre("1<w1"));
  EXPECT_THAT(words(worker("w2")), ElementsAre("2=queued", "2>w2#2"));
  EXPECT_GT(leases_[2], before + 1);
}

TEST_F(SchedulerJobsTest, ARestoredJobOfAWorkerThatIsNotExpectedIsTriedAgainAtOnce) {
  EXPECT_THAT(words(scheduler_.job_restored(job(1), 1, std::nullopt, 99, WorkerId("revoked"), now_)),
              ElementsAre("1=queued"));
}

TEST_F(SchedulerJobsTest, PriorityDecidesWithinAKeyAndAgeCatchesUp) {
  submit(1, 50);
  submit(2, 90);
  submit(3, 90);
  now_ += 41min;
  // Forty points of priority are worth forty minutes.
  submit(4, 90);
  Actions actions = worker("w1");
  std::vector<std::int64_t> order;
  while (order.size() < 4) {
    words(actions);
    for (const auto& action : actions) {
      if (const auto* lease = std::get_if<Lease>(&action)) order.push_back(lease->job.value());
    }
    actions = succeed(order.back());
  }
  EXPECT_THAT(order, ElementsAre(2, 3, 1, 4));
}

TEST_F(SchedulerJobsTest, KeysShareByTheirWeights) {
  KeyPolicy heavy;
  heavy.weight = 3;
  scheduler_.key_changed(KeyId("heavy"), heavy, now_);
  for (std::int64_t id = 1; id <= 400; ++id)
    submit(id, 50, id % 2 == 0 ? "heavy" : "light");
  Actions actions = worker("w1");
  std::map<bool, int> served;
  for (int i = 0; i < 100; ++i) {
    std::int64_t running = 0;
    for (const auto& action : actions) {
      if (const auto* lease = std::get_if<Lease>(&action)) running = lease->job.value();
    }
    words(actions);
    ASSERT_NE(running, 0);
    ++served[running % 2 == 0];
    actions = succeed(running);
  }
  EXPECT_NEAR(served[true], 75, 2);
}

TEST_F(SchedulerJobsTest, AFloodOfOneKeyDoesNotDelayAnother) {
  for (std::int64_t id = 1; id <= 1000; ++id)
    submit(id, 100, "flood");
  Actions actions = worker("w1");
  words(actions);
  submit(5000, 0, "calm");
  EXPECT_EQ(why(5000).position, 1u);
  EXPECT_THAT(words(succeed(1)), ElementsAre("1=succeeded", "5000>w1#1"));
}

TEST_F(SchedulerJobsTest, AKeySavesNothingUpWhileItDoesNotWait) {
  worker("w1");
  submit(9000, 50, "calm");
  // It goes on for a while beside what the other one gets, and no more is asked for.
  Actions actions = worker("w2");
  for (std::int64_t id = 1; id <= 300; ++id)
    append(actions, submit(id, 50, "busy"));
  const auto before = serve(actions, 100);
  ASSERT_EQ(before.size(), 100u);
  for (std::int64_t id = 9001; id <= 9100; ++id)
    submit(id, 50, "calm");
  EXPECT_NEAR(of_calm(serve(succeed(before.back()), 20)), 10, 1);
}

TEST_F(SchedulerJobsTest, RequestsDoNotPushBackWhoComesLater) {
  worker("w1");
  for (std::int64_t id = 1; id <= 300; ++id)
    words(submit(id, 50, "busy"));
  // Each goes first and is counted.
  for (int i = 0; i < 50; ++i) {
    const RequestId id("r" + std::to_string(i));
    scheduler_.request_submitted(Request{id, ModelId("m_a"), Deadline::never(), KeyId("asks")}, now_);
  }
  succeed(1);
  for (int i = 0; i < 49; ++i)
    scheduler_.request_finished(RequestId("r" + std::to_string(i)), now_, Usage{0, 1000});
  for (std::int64_t id = 9001; id <= 9100; ++id)
    submit(id, 50, "calm");
  EXPECT_NEAR(of_calm(serve(scheduler_.request_finished(RequestId("r49"), now_, Usage{0, 1000}), 20)), 10, 1);
}

TEST_F(SchedulerJobsTest, SharesOfOneModelSayNothingOfAnother) {
  scheduler_.model_added(Model{ModelId("m_b"), "b", ModelKind::chat, "sha", 1'000'000'000, 4096, 1}, now_);
  worker("w1");
  Actions actions = worker("w2");
  WorkerReport report;
  report.replicas.push_back(ReplicaReport{ModelId("m_b"), Progress{Phase::ready, 0, 0, ""}, 1, 1});
  scheduler_.worker_reported(WorkerId("w2"), report, now_);
  for (std::int64_t id = 1001; id <= 1300; ++id)
    words(submit(id, 50, "busy"));
  for (std::int64_t id = 1; id <= 100; ++id) {
    Job other = job(id, 50, "other");
    other.model = "b";
    append(actions, submit(other));
  }
  ASSERT_EQ(serve(actions, 90).size(), 90u);
  for (std::int64_t id = 9001; id <= 9100; ++id)
    submit(id, 50, "calm");
  EXPECT_NEAR(of_calm(serve(succeed(1001), 20)), 10, 1);
}

TEST_F(SchedulerJobsTest, AKeyIsNotOwedWhatItsLimitsHeldBack) {
  KeyPolicy limited;
  limited.max_concurrent = 1;
  scheduler_.key_changed(KeyId("calm"), limited, now_);
  worker("w1");
  submit(9000, 50, "calm");
  for (std::int64_t id = 9001; id <= 9100; ++id)
    submit(id, 50, "calm");
  Actions actions = worker("w2");
  for (std::int64_t id = 1; id <= 300; ++id)
    append(actions, submit(id, 50, "busy"));
  const auto before = serve(actions, 100);
  ASSERT_EQ(of_calm(before), 0);
  scheduler_.key_changed(KeyId("calm"), KeyPolicy{}, now_);
  EXPECT_NEAR(of_calm(serve(succeed(before.back()), 20)), 10, 1);
}

TEST_F(SchedulerJobsTest, RequestsComeBeforeJobs) {
  worker("w1");
  words(submit(1));
  submit(2);
  scheduler_.request_submitted(Request{RequestId("r"), ModelId("m_a"), Deadline::at(now_ + 60s)}, now_);
  EXPECT_THAT(words(succeed(1)), ElementsAre("1=succeeded", "r>w1"));
}

TEST_F(SchedulerJobsTest, JobsAreNotStarvedByRequests) {
  worker("w1");
  scheduler_.request_submitted(Request{RequestId("r0"), ModelId("m_a"), Deadline::never()}, now_);
  submit(1);
  std::string running = "r0";
  for (int i = 1;; ++i) {
    now_ += 1s;
    const std::string next = "r" + std::to_string(i);
    scheduler_.request_submitted(Request{RequestId(next), ModelId("m_a"), Deadline::never()}, now_);
    const auto seen = words(scheduler_.request_finished(RequestId(running), now_));
    ASSERT_EQ(seen.size(), 1u);
    if (seen[0] == "1>w1#1") {
      EXPECT_EQ(i, 60);
      break;
    }
    ASSERT_LT(i, 61) << seen[0];
    running = next;
  }
}

TEST_F(SchedulerJobsTest, ASlotIsKeptForRequestsWhileTheyComeNowAndThen) {
  worker("w1", 2);
  scheduler_.request_submitted(Request{RequestId("r"), ModelId("m_a"), Deadline::never()}, now_);
  scheduler_.request_finished(RequestId("r"), now_, Usage{10, 10});
  EXPECT_THAT(words(submit(1)), ElementsAre("1>w1#1"));
  EXPECT_THAT(words(submit(2)), IsEmpty());
  EXPECT_EQ(why(2).reason, WaitReason::slots_reserved);
  EXPECT_THAT(words(pass(60s)), ElementsAre("2>w1#1"));
}

TEST_F(SchedulerJobsTest, NotBeforeAndDeadlineAreKeptWhenTheClockIsSet) {
  worker("w1");
  Job later = job(1);
  later.not_before = system_now() + 1h;
  EXPECT_THAT(words(submit(later)), IsEmpty());
  EXPECT_EQ(why(1).reason, WaitReason::not_before);
  Job urgent = job(2);
  urgent.not_before = system_now() + 2h;
  urgent.deadline = system_now() + 3h;
  submit(urgent);
  EXPECT_THAT(words(scheduler_.clock_read(system_now() + 1h, now_)), ElementsAre("1>w1#1"));
  EXPECT_THAT(words(scheduler_.clock_read(system_now() + 4h, now_)), ElementsAre("2=expired"));
}

TEST_F(SchedulerJobsTest, ADeadlineEndsAJobThatRuns) {
  worker("w1");
  Job urgent = job(1);
  urgent.deadline = system_now() + 10s;
  words(submit(urgent));
  EXPECT_THAT(words(pass(10s)), ElementsAre("1x", "1=expired"));
  EXPECT_EQ(scheduler_.totals().slots_busy, 0u);
}

TEST_F(SchedulerJobsTest, AnAttemptThatTakesTooLongHasFailed) {
  worker("w1");
  words(submit(1));
  EXPECT_THAT(words(pass(1h)), ElementsAre("1x", "1=queued"));
  EXPECT_EQ(last_.end.outcome, AttemptOutcome::failed);
}

TEST_F(SchedulerJobsTest, AJobCanBeCancelledAtAnyMoment) {
  worker("w1");
  words(submit(1));
  submit(2);
  Job later = job(3);
  later.not_before = system_now() + 1h;
  submit(later);
  EXPECT_THAT(words(scheduler_.job_cancelled(JobId(3), "by me", now_)), ElementsAre("3=cancelled"));
  EXPECT_THAT(words(scheduler_.job_cancelled(JobId(1), "by me", now_)), ElementsAre("1x", "1=cancelled", "2>w1#1"));
  EXPECT_THAT(words(scheduler_.job_cancelled(JobId(1), "by me", now_)), IsEmpty());
  gone("w1");
  EXPECT_THAT(words(scheduler_.job_cancelled(JobId(2), "by me", now_)), ElementsAre("2x", "2=cancelled"));
  EXPECT_THAT(words(scheduler_.job_cancelled(JobId(4), "nobody", now_)), IsEmpty());
}

TEST_F(SchedulerJobsTest, ConcurrencyOfAKeyIsBounded) {
  KeyPolicy policy;
  policy.max_concurrent = 1;
  scheduler_.key_changed(KeyId("k"), policy, now_);
  worker("w1", 4);
  EXPECT_THAT(words(submit(1)), ElementsAre("1>w1#1"));
  EXPECT_THAT(words(submit(2)), IsEmpty());
  EXPECT_EQ(why(2).reason, WaitReason::key_concurrency);
  EXPECT_THAT(words(submit(3, 50, "other")), ElementsAre("3>w1#1"));
  EXPECT_THAT(words(succeed(1)), ElementsAre("1=succeeded", "2>w1#1"));
}

TEST_F(SchedulerJobsTest, RatesHoldJobsBackAndRefuseRequests) {
  KeyPolicy policy;
  policy.requests_per_minute = 2;
  scheduler_.key_changed(KeyId("k"), policy, now_);
  worker("w1", 4);
  EXPECT_THAT(words(submit(1)), ElementsAre("1>w1#1"));
  EXPECT_THAT(words(submit(2)), ElementsAre("2>w1#1"));
  EXPECT_THAT(words(submit(3)), IsEmpty());
  EXPECT_EQ(why(3).reason, WaitReason::key_rate);
  Request request{RequestId("r"), ModelId("m_a"), Deadline::never()};
  request.key = KeyId("k");
  EXPECT_THAT(words(scheduler_.request_submitted(request, now_)), ElementsAre("r!rate_limit_exceeded"));
  EXPECT_EQ(scheduler_.request_rate(KeyId("k"), now_).remaining, 0);
  EXPECT_THAT(words(pass(30s)), ElementsAre("3>w1#1"));
}

TEST_F(SchedulerJobsTest, TokensThatWereUsedAreWaitedOff) {
  KeyPolicy policy;
  policy.tokens_per_minute = 600;
  scheduler_.key_changed(KeyId("k"), policy, now_);
  worker("w1");
  words(submit(1));
  words(succeed(1, 900));
  EXPECT_EQ(scheduler_.token_rate(KeyId("k"), now_).remaining, 0);
  EXPECT_THAT(words(submit(2)), IsEmpty());
  EXPECT_THAT(words(pass(30s)), IsEmpty());
  EXPECT_THAT(words(pass(200ms)), ElementsAre("2>w1#1"));
}

TEST_F(SchedulerJobsTest, AKeysQueueIsBounded) {
  KeyPolicy policy;
  policy.max_queued = 2;
  scheduler_.key_changed(KeyId("k"), policy, now_);
  EXPECT_FALSE(scheduler_.reserve_jobs(KeyId("k"), "a", 2, now_));
  const auto refusal = scheduler_.reserve_jobs(KeyId("k"), "a", 1, now_);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code, RejectCode::queue_full);
  EXPECT_THAT(refusal->text, HasSubstr("2 jobs"));
  scheduler_.give_back_reservation(KeyId("k"), 1);
  EXPECT_FALSE(scheduler_.reserve_jobs(KeyId("k"), "a", 1, now_));
}

TEST_F(SchedulerJobsTest, WithoutAStoreNothingIsLeasedAndNothingAccepted) {
  worker("w1");
  scheduler_.store_changed(false, now_);
  EXPECT_EQ(scheduler_.reserve_jobs(KeyId("k"), "a", 1, now_)->code, RejectCode::store_unavailable);
  EXPECT_THAT(words(submit(1)), IsEmpty());
  EXPECT_EQ(why(1).reason, WaitReason::store_unavailable);
  EXPECT_THAT(words(scheduler_.store_changed(true, now_)), ElementsAre("1>w1#1"));
}

TEST_F(SchedulerJobsTest, JobsOutliveTheirModel) {
  submit(1);
  EXPECT_EQ(why(1).reason, WaitReason::no_worker);
  scheduler_.model_removed(ModelId("m_a"), now_);
  EXPECT_EQ(why(1).reason, WaitReason::model_missing);
  scheduler_.model_added(Model{ModelId("m_b"), "a", ModelKind::chat, "sha", 1'000'000'000, 4096, 1}, now_);
  EXPECT_NE(why(1).reason, WaitReason::model_missing);
}

TEST_F(SchedulerJobsTest, AWorkerThatFailsWithEverythingIsLeftOutAndTriedAgain) {
  worker("w1");
  for (std::int64_t id = 1; id <= 5; ++id) {
    words(submit(id));
    words(ended(id, AttemptOutcome::failed));
    words(scheduler_.job_cancelled(JobId(id), "", now_));
    now_ += 1s;
  }
  EXPECT_THAT(words(submit(6)), IsEmpty());
  EXPECT_EQ(why(6).reason, WaitReason::workers_failing);
  EXPECT_THAT(why(6).text, HasSubstr("in quarantine: 5 requests in a row failed, the last with: the engine broke"));
  EXPECT_THAT(scheduler_.worker(WorkerId("w1"))->quarantine, HasSubstr("in quarantine"));
  EXPECT_EQ(scheduler_.totals().workers_quarantined, 1u);
  submit(7);
  // Then with one piece of work alone.
  EXPECT_THAT(words(pass(30s)), ElementsAre("6>w1#1"));
  EXPECT_THAT(words(succeed(6)), ElementsAre("6=succeeded", "7>w1#1"));
}

TEST_F(SchedulerJobsTest, OnePoisonJobDoesNotPutAWorkerIntoQuarantine) {
  worker("w1");
  Job poison = job(1);
  poison.max_attempts = 20;
  words(submit(poison));
  for (int i = 0; i < 10; ++i) {
    words(ended(1, AttemptOutcome::failed));
    words(pass(300s));
  }
  EXPECT_EQ(scheduler_.totals().workers_quarantined, 0u);
}

TEST_F(SchedulerJobsTest, AWorkerWhoseConnectionComesAndGoesIsUsedLast) {
  worker("w1");
  for (int i = 0; i < 3; ++i) {
    gone("w1");
    worker("w1");
  }
  worker("w2");
  words(submit(1));
  EXPECT_NE(leases_[1], 0u);
  EXPECT_EQ(scheduler_.worker(WorkerId("w2"))->replicas[0].slots_busy, 1u);
}

TEST_F(SchedulerJobsTest, AStragglerIsUsedLast) {
  worker("slow");
  words(submit(1));
  now_ += 100s;
  words(succeed(1));
  worker("swift");
  scheduler_.worker_gone(WorkerId("slow"), true, now_);
  words(submit(2));
  now_ += 1s;
  words(succeed(2));
  worker("slow");
  words(submit(3));
  now_ += 100s;
  words(succeed(3));
  // "slow" has rested for longer, if it was not the one that was used.
  words(submit(4));
  words(succeed(4));
  now_ += 1s;
  EXPECT_THAT(words(submit(5)), ElementsAre("5>swift#1"));
}

TEST_F(SchedulerJobsTest, AConversationGoesBackToWhereItsCacheIs) {
  worker("w1", 2);
  worker("w2", 2);
  const auto ask = [&](const std::string& id, std::vector<PrefixHash> prefixes) {
    Request request{RequestId(id), ModelId("m_a"), Deadline::never()};
    request.prefixes = std::move(prefixes);
    return words(scheduler_.request_submitted(request, now_));
  };
  const auto first = ask("r1", {1, 2, 3});
  scheduler_.request_finished(RequestId("r1"), now_, Usage{});
  now_ += 1s;
  // Without a prefix the other one, which has rested for longer.
  EXPECT_NE(ask("r2", {})[0].substr(2), first[0].substr(2));
  scheduler_.request_finished(RequestId("r2"), now_, Usage{});
  now_ += 1s;
  EXPECT_EQ(ask("r3", {1, 2, 3, 4, 5})[0].substr(2), first[0].substr(2));
  EXPECT_EQ(ask("r4", {1, 2, 3, 4, 5, 6, 7})[0].substr(2), first[0].substr(2));
  // It is full: rather than wait it goes elsewhere.
  EXPECT_NE(ask("r5", {1, 2, 3, 4, 5, 6, 7, 8})[0].substr(2), first[0].substr(2));
}

TEST_F(SchedulerJobsTest, EstimatesComeFromWhatWasMeasured) {
  worker("w1");
  words(submit(1));
  submit(2);
  EXPECT_EQ(why(2).estimate, std::nullopt);
  now_ += 10s;
  words(succeed(1));
  words(submit(3));
  submit(4);
  EXPECT_EQ(why(4).position, 1u);
  EXPECT_EQ(why(4).estimate, 20s);
  EXPECT_THAT(why(4).text, HasSubstr("1 worker has this model: 1 ready (1 of 1 slot busy), about 20 s"));
}

}  // namespace
}  // namespace gogrid::domain
