// Whose turn it is in the scheduler: priority and age, fair shares, requests beside jobs, limits of keys.
#include "domain/scheduler_jobs_test_support.hpp"

namespace gogrid::domain::test {
namespace {

class SchedulerSharesTest : public SchedulerJobsTest {};

TEST_F(SchedulerSharesTest, PriorityDecidesWithinAKeyAndAgeCatchesUp) {
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

TEST_F(SchedulerSharesTest, KeysShareByTheirWeights) {
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

TEST_F(SchedulerSharesTest, AFloodOfOneKeyDoesNotDelayAnother) {
  for (std::int64_t id = 1; id <= 1000; ++id)
    submit(id, 100, "flood");
  Actions actions = worker("w1");
  words(actions);
  submit(5000, 0, "calm");
  EXPECT_EQ(why(5000).position, 1u);
  EXPECT_THAT(words(succeed(1)), ElementsAre("1=succeeded", "5000>w1#1"));
}

TEST_F(SchedulerSharesTest, AKeySavesNothingUpWhileItDoesNotWait) {
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

TEST_F(SchedulerSharesTest, RequestsDoNotPushBackWhoComesLater) {
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

TEST_F(SchedulerSharesTest, SharesOfOneModelSayNothingOfAnother) {
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

TEST_F(SchedulerSharesTest, AKeyIsNotOwedWhatItsLimitsHeldBack) {
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

TEST_F(SchedulerSharesTest, RequestsComeBeforeJobs) {
  worker("w1");
  words(submit(1));
  submit(2);
  scheduler_.request_submitted(Request{RequestId("r"), ModelId("m_a"), Deadline::at(now_ + 60s)}, now_);
  EXPECT_THAT(words(succeed(1)), ElementsAre("1=succeeded", "r>w1"));
}

TEST_F(SchedulerSharesTest, JobsAreNotStarvedByRequests) {
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

TEST_F(SchedulerSharesTest, ASlotIsKeptForRequestsWhileTheyComeNowAndThen) {
  worker("w1", 2);
  scheduler_.request_submitted(Request{RequestId("r"), ModelId("m_a"), Deadline::never()}, now_);
  scheduler_.request_finished(RequestId("r"), now_, Usage{10, 10});
  EXPECT_THAT(words(submit(1)), ElementsAre("1>w1#1"));
  EXPECT_THAT(words(submit(2)), IsEmpty());
  EXPECT_EQ(why(2).reason, WaitReason::slots_reserved);
  EXPECT_THAT(words(pass(60s)), ElementsAre("2>w1#1"));
}

TEST_F(SchedulerSharesTest, ConcurrencyOfAKeyIsBounded) {
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

TEST_F(SchedulerSharesTest, RatesHoldJobsBackAndRefuseRequests) {
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

TEST_F(SchedulerSharesTest, TokensThatWereUsedAreWaitedOff) {
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

TEST_F(SchedulerSharesTest, AKeysQueueIsBounded) {
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

}  // namespace
}  // namespace gogrid::domain::test
