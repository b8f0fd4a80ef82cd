// Jobs in the scheduler: leases, attempts, ends, and what they are told while they wait.
#include "domain/scheduler_jobs_test_support.hpp"

namespace gogrid::domain::test {
namespace {

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
  EXPECT_THAT(why(6).text, HasSubstr("in quarantine: 5 requests in a row failed; it is tried again in "));
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
  now_ += 1s;
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
}  // namespace gogrid::domain::test
