// The contract of JobStore and WebhookStore: see store_contract_test.cpp.
#include "store/store_contract_test_support.hpp"

namespace gogrid::store::test {

namespace asio = boost::asio;
using domain::JobId;
using domain::JobState;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::int64_t> ids(const std::vector<JobRecord>& jobs) {
  std::vector<std::int64_t> found;
  found.reserve(jobs.size());
  for (const JobRecord& job : jobs)
    found.push_back(job.id.value());
  return found;
}

TEST_P(StoreContract, AJobKeepsEveryFieldAndItsRequestOverAReopening) {
  NewJob queued = new_job(1);
  NewJob line = batch_line_job(2, 77, 5);
  line.record.idempotency_key = "once";
  line.record.state = JobState::failed;
  line.record.finished_at = at(3);
  line.record.error_code = "invalid_line";
  line.record.error_message = "no model";
  const auto added = add(jobs_of({queued, line}));
  ASSERT_EQ(added.size(), 2u);
  EXPECT_EQ(added[0].id, JobId(1));
  EXPECT_TRUE(added[0].is_new);
  EXPECT_EQ(added[1].request_sha256, line.record.request_sha256);
  reopen();
  EXPECT_EQ(good(store->find_job(JobId(1))), queued.record);
  EXPECT_EQ(good(store->find_job(JobId(2))), line.record);
  EXPECT_EQ(good(store->find_job(JobId(3))), std::nullopt);
  EXPECT_EQ(good(store->job_request(JobId(1))), queued.request);
  EXPECT_EQ(bad(store->job_request(JobId(3))), ErrorCode::not_found);
}

TEST_P(StoreContract, AnIdempotencyKeyIsOneJobOfItsKey) {
  NewJob first = new_job(1);
  first.record.idempotency_key = "once";
  NewJob again = first;
  again.record.id = JobId(2);
  again.record.request_sha256 = std::string(64, 'f');
  NewJob others = first;
  others.record.id = JobId(3);
  others.record.key_id = "key_2";
  add(jobs_of({first}));
  const auto added = add(jobs_of({again, others, new_job(4)}));
  EXPECT_EQ(added[0].id, JobId(1));
  EXPECT_FALSE(added[0].is_new);
  EXPECT_EQ(added[0].request_sha256, first.record.request_sha256);
  EXPECT_TRUE(added[1].is_new);
  EXPECT_TRUE(added[2].is_new);
  EXPECT_EQ(good(store->find_job(JobId(2))), std::nullopt);
  EXPECT_EQ(bad(store->job_request(JobId(2))), ErrorCode::not_found);
}

TEST_P(StoreContract, OneIdempotencyKeyTwiceInOneCallIsOneJob) {
  NewJob first = new_job(1);
  first.record.idempotency_key = "once";
  NewJob second = first;
  second.record.id = JobId(2);
  const auto added = add(jobs_of({first, second}));
  EXPECT_TRUE(added[0].is_new);
  EXPECT_FALSE(added[1].is_new);
  EXPECT_EQ(added[1].id, JobId(1));
}

TEST_P(StoreContract, TheSameJobAgainIsAddedAndAnotherOfItsIdIsAConflictThatAddsNothing) {
  add(jobs_of({new_job(1)}));
  EXPECT_TRUE(add(jobs_of({new_job(1), new_job(2)})).at(0).is_new);
  NewJob other = new_job(1);
  other.record.request_sha256 = std::string(64, '0');
  EXPECT_EQ(bad(store->add_jobs(jobs_of({new_job(3), other}))), ErrorCode::conflict);
  EXPECT_THAT(ids(good(store->list_jobs({}, {}, 10))), ElementsAre(2, 1));
}

TEST_P(StoreContract, OfManyCallersAtOnceEachIsToldOfItsOwnJobs) {
  constexpr std::int64_t callers = 300;
  int added = 0, repeated = 0, refused = 0;
  for (std::int64_t i = 1; i <= callers; ++i) {
    NewJob job = new_job(i);
    job.record.idempotency_key = "key-" + std::to_string(i / 3);
    NewJob clash = new_job(1);
    clash.record.request_sha256 = "other";
    // Every tenth call cannot be done.
    auto jobs = i % 10 == 0 ? jobs_of({job, clash}) : jobs_of({job});
    asio::co_spawn(loop.context(), store->add_jobs(std::move(jobs)),
                   [&](std::exception_ptr, Result<std::vector<JobStore::Added>> result) {
                     if (!result) return static_cast<void>(++refused);
                     ++(result->at(0).is_new ? added : repeated);
                   });
  }
  loop.context().restart();
  loop.context().run();
  EXPECT_EQ(refused, callers / 10);
  EXPECT_EQ(added + repeated, callers - callers / 10);
  EXPECT_EQ(good(store->list_jobs({}, {}, 1000)).size(), static_cast<std::size_t>(added));
  EXPECT_EQ(added, 100);
}

TEST_P(StoreContract, JobsAndTheirBatchAreStoredTogetherOrNotAtAll) {
  BatchRecord batch = batch_record(77);
  batch.fed_lines = 2;
  good(store->add_jobs(jobs_of({batch_line_job(1, 77, 1), batch_line_job(2, 77, 2)}), batch));
  EXPECT_EQ(good(store->find_batch(batch.id)), batch);
  NewJob clash = batch_line_job(1, 77, 3);
  clash.record.request_sha256 = "other";
  BatchRecord later = batch;
  later.fed_lines = 4;
  EXPECT_EQ(bad(store->add_jobs(jobs_of({batch_line_job(4, 77, 4), clash}), later)), ErrorCode::conflict);
  EXPECT_EQ(good(store->find_batch(batch.id)), batch);
  EXPECT_EQ(good(store->find_job(JobId(4))), std::nullopt);
}

TEST_P(StoreContract, ALeaseAppliesToAnOpenJobAndOnlyWhenItIsLarger) {
  add(jobs_of({new_job(1)}));
  EXPECT_TRUE(change(leased(1, (1ULL << 32) + 5)));
  auto job = good(store->find_job(JobId(1))).value();
  EXPECT_EQ(job.state, JobState::leased);
  EXPECT_EQ(job.lease, (1ULL << 32) + 5);
  EXPECT_EQ(job.attempts, 1u);
  EXPECT_EQ(job.worker_id, "wrk_1");
  EXPECT_EQ(job.leased_at, at(10));
  EXPECT_FALSE(change(leased(1, (1ULL << 32) + 5)));
  EXPECT_FALSE(change(leased(1, 7)));
  EXPECT_TRUE(change(leased(1, (2ULL << 32), 2)));
  EXPECT_FALSE(change(leased(99, 1)));
  EXPECT_TRUE(change(succeeded(1, 2ULL << 32)));
  EXPECT_FALSE(change(leased(1, 3ULL << 32)));
}

TEST_P(StoreContract, AResultCountsWithTheJobsLeaseOnly) {
  add(jobs_of({new_job(1)}));
  EXPECT_TRUE(change(leased(1, 5)));
  EXPECT_TRUE(change(leased(1, 6, 2)));
  EXPECT_FALSE(change(succeeded(1, 5, "late")));
  EXPECT_EQ(bad(store->result_part(JobId(1), 0)), ErrorCode::not_found);
  EXPECT_TRUE(change(succeeded(1, 6, "right")));
  EXPECT_FALSE(change(succeeded(1, 6, "twice")));
  reopen();
  const auto job = good(store->find_job(JobId(1))).value();
  EXPECT_EQ(job.state, JobState::succeeded);
  EXPECT_EQ(job.finished_at, at(12));
  EXPECT_EQ(job.status, 200);
  EXPECT_EQ(job.content_type, "application/json");
  EXPECT_EQ(job.result_parts, 1);
  EXPECT_EQ(job.result_bytes, 5u);
  EXPECT_EQ(job.prompt_tokens, 7u);
  EXPECT_EQ(job.completion_tokens, 9u);
  EXPECT_EQ(good(store->result_part(JobId(1), 0)), "right");
  EXPECT_EQ(bad(store->result_part(JobId(1), 1)), ErrorCode::not_found);
  EXPECT_THAT(good(store->list_attempts(JobId(1))), ElementsAre(attempt(1, 6, domain::AttemptOutcome::succeeded)));
}

TEST_P(StoreContract, AnAttemptThatItsWorkerDidNotTakeDoesNotCount) {
  add(jobs_of({new_job(1)}));
  EXPECT_TRUE(change(leased(1, 5, 1)));
  EXPECT_TRUE(change(leased(1, 6, 2)));
  JobEnded refused = ended(1, 6, JobState::queued);
  refused.attempts = 1;
  EXPECT_TRUE(change(refused));
  reopen();
  EXPECT_EQ(good(store->find_job(JobId(1))).value().attempts, 1u);
  EXPECT_THAT(good(store->list_attempts(JobId(1))), IsEmpty());
}

TEST_P(StoreContract, ManyChangesInOneCallApplyInOrderEachForItself) {
  add(jobs_of({new_job(1), new_job(2)}));
  std::vector<JobChange> changes = {leased(1, 5),    leased(99, 6), succeeded(1, 4), succeeded(1, 5),
                                    succeeded(1, 5), leased(2, 3),  leased(2, 3)};
  EXPECT_THAT(good(store->change_jobs(std::move(changes))), ElementsAre(true, false, false, true, false, true, false));
  EXPECT_EQ(good(store->find_job(JobId(2))).value().state, JobState::leased);
}

TEST_P(StoreContract, AFailedAttemptLeavesTheJobWaitingWithItsReason) {
  add(jobs_of({new_job(1)}));
  EXPECT_TRUE(change(leased(1, 5)));
  good(store->put_result_part(JobId(1), 5, 0, "half an ans"));
  JobEnded failed = ended(1, 5, JobState::queued);
  failed.attempt = attempt(1, 5, domain::AttemptOutcome::worker_lost);
  failed.retry_at = at(30);
  EXPECT_TRUE(change(failed));
  auto job = good(store->find_job(JobId(1))).value();
  EXPECT_EQ(job.state, JobState::queued);
  EXPECT_EQ(job.retry_at, at(30));
  EXPECT_EQ(job.finished_at, std::nullopt);
  EXPECT_EQ(job.error_code, "engine_failed");
  EXPECT_TRUE(change(leased(1, 6, 2)));
  EXPECT_EQ(good(store->find_job(JobId(1))).value().retry_at, std::nullopt);
  JobEnded done = succeeded(1, 6, "answer");
  done.attempt->number = 2;
  EXPECT_TRUE(change(done));
  EXPECT_EQ(good(store->result_part(JobId(1), 0)), "answer");
  job = good(store->find_job(JobId(1))).value();
  EXPECT_EQ(job.error_code, "");
  EXPECT_EQ(good(store->list_attempts(JobId(1))).size(), 2u);
}

TEST_P(StoreContract, AResultInPartsIsReadBackPartByPart) {
  const std::string large(300'000, '\xfe');
  add(jobs_of({new_job(1)}));
  EXPECT_TRUE(change(leased(1, 4)));
  good(store->put_result_part(JobId(1), 4, 0, "of an older lease"));
  good(store->put_result_part(JobId(1), 4, 3, "of an older lease"));
  EXPECT_TRUE(change(leased(1, 5, 2)));
  EXPECT_EQ(bad(store->put_result_part(JobId(1), 4, 0, "x")), ErrorCode::conflict);
  EXPECT_EQ(bad(store->put_result_part(JobId(9), 4, 0, "x")), ErrorCode::conflict);
  good(store->put_result_part(JobId(1), 5, 0, "wrong"));
  good(store->put_result_part(JobId(1), 5, 0, large));
  good(store->put_result_part(JobId(1), 5, 1, "b"));
  EXPECT_EQ(bad(store->result_part(JobId(1), 0)), ErrorCode::not_found);
  JobEnded done = succeeded(1, 5, "c");
  done.parts_before = 2;
  done.bytes_before = large.size() + 1;
  EXPECT_TRUE(change(done));
  EXPECT_EQ(good(store->find_job(JobId(1))).value().result_parts, 3);
  EXPECT_EQ(good(store->find_job(JobId(1))).value().result_bytes, large.size() + 2);
  EXPECT_EQ(good(store->result_part(JobId(1), 0)), large);
  EXPECT_EQ(good(store->result_part(JobId(1), 1)), "b");
  EXPECT_EQ(good(store->result_part(JobId(1), 2)), "c");
  EXPECT_EQ(bad(store->result_part(JobId(1), 3)), ErrorCode::not_found);
  EXPECT_EQ(bad(store->put_result_part(JobId(1), 5, 0, "late")), ErrorCode::conflict);
}

TEST_P(StoreContract, AnyOpenJobCanBeCancelledWithoutALeaseOnce) {
  add(jobs_of({new_job(1), new_job(2)}));
  EXPECT_TRUE(change(leased(2, 5)));
  EXPECT_TRUE(change(ended(1, 0, JobState::cancelled)));
  EXPECT_TRUE(change(ended(2, 0, JobState::cancelled)));
  EXPECT_FALSE(change(ended(2, 0, JobState::cancelled)));
  EXPECT_FALSE(change(succeeded(2, 5)));
  EXPECT_EQ(good(store->find_job(JobId(2))).value().state, JobState::cancelled);
  EXPECT_THAT(good(store->list_open_jobs({}, 10)), IsEmpty());
}

TEST_P(StoreContract, AWebhookIsStoredWithTheEndItTellsOfOrNotAtAll) {
  add(jobs_of({new_job(1)}));
  EXPECT_TRUE(change(leased(1, 5)));
  WebhookRecord hook;
  hook.id = "evt_1";
  hook.key_id = "key_1";
  hook.url = "https://example.com/hook";
  hook.payload = R"({"job":"1"})";
  hook.next_at = at(20) + std::chrono::milliseconds(3);
  JobEnded late = succeeded(1, 4);
  late.webhook = hook;
  EXPECT_FALSE(change(late));
  EXPECT_THAT(good(store->list_webhooks(10)), IsEmpty());
  JobEnded done = succeeded(1, 5);
  done.webhook = hook;
  EXPECT_TRUE(change(done));
  WebhookRecord earlier = hook;
  earlier.id = "evt_2";
  earlier.next_at = at(5);
  good(store->add_webhook(earlier));
  reopen();
  auto hooks = good(store->list_webhooks(10));
  ASSERT_EQ(hooks.size(), 2u);
  EXPECT_EQ(hooks[0].id, "evt_2");
  hook.sequence = hooks[1].sequence;
  EXPECT_EQ(hooks[1], hook);
  good(store->postpone_webhook(hooks[0].sequence, 3, at(90)));
  hooks = good(store->list_webhooks(1));
  EXPECT_THAT(hooks, ElementsAre(hook));
  good(store->remove_webhook(hook.sequence));
  hooks = good(store->list_webhooks(10));
  ASSERT_EQ(hooks.size(), 1u);
  EXPECT_EQ(hooks[0].attempts, 3u);
  EXPECT_EQ(hooks[0].next_at, at(90));
  EXPECT_EQ(bad(store->remove_webhook(hook.sequence)), ErrorCode::not_found);
  EXPECT_EQ(bad(store->postpone_webhook(hook.sequence, 1, at(1))), ErrorCode::not_found);
}

TEST_P(StoreContract, OpenJobsAreFoundAgainPageByPageInTheirOrder) {
  std::vector<NewJob> jobs;
  for (std::int64_t i = 10; i <= 100; i += 10)
    jobs.push_back(new_job(i));
  add(std::move(jobs));
  EXPECT_TRUE(change(ended(30, 0, JobState::expired)));
  EXPECT_TRUE(change(leased(40, 1)));
  EXPECT_THAT(ids(good(store->list_open_jobs({}, 3))), ElementsAre(10, 20, 40));
  EXPECT_THAT(ids(good(store->list_open_jobs(JobId(40), 100))), ElementsAre(50, 60, 70, 80, 90, 100));
  EXPECT_THAT(ids(good(store->list_open_jobs(JobId(100), 3))), IsEmpty());
}

TEST_P(StoreContract, AListOfJobsTakesEveryFilterAndGoesOnWhereItEnded) {
  std::vector<NewJob> jobs;
  for (std::int64_t i = 1; i <= 8; ++i) {
    jobs.push_back(new_job(i, i % 2 == 0 ? "key_even" : "key_odd"));
    jobs.back().record.model = i <= 4 ? "small" : "large";
    jobs.back().record.labels = i == 3 ? R"({"team":"red","run":"3"})" : R"({"team":"blue"})";
    if (i >= 7) jobs.back().record.batch = domain::BatchId(5);
  }
  add(std::move(jobs));
  EXPECT_TRUE(change(leased(2, 1)));
  EXPECT_TRUE(change(ended(4, 0, JobState::failed)));
  const auto listed = [&](const JobFilter& filter, std::int64_t before = 0, std::size_t limit = 100) {
    return ids(good(store->list_jobs(filter, JobId(before), limit)));
  };
  EXPECT_THAT(listed({}, 0, 3), ElementsAre(8, 7, 6));
  EXPECT_THAT(listed({}, 3), ElementsAre(2, 1));
  JobFilter filter;
  filter.key_id = "key_even";
  EXPECT_THAT(listed(filter), ElementsAre(8, 6, 4, 2));
  EXPECT_THAT(listed(filter, 6, 1), ElementsAre(4));
  filter.states = {JobState::leased, JobState::failed};
  EXPECT_THAT(listed(filter), ElementsAre(4, 2));
  filter = {};
  filter.model = "large";
  filter.batch = domain::BatchId(5);
  EXPECT_THAT(listed(filter), ElementsAre(8, 7));
  filter.key_id = "key_odd";
  EXPECT_THAT(listed(filter), ElementsAre(7));
  filter = {};
  filter.labels = {{"team", "red"}, {"run", "3"}};
  EXPECT_THAT(listed(filter), ElementsAre(3));
  filter.labels = {{"team", "red"}, {"run", "4"}};
  EXPECT_THAT(listed(filter), IsEmpty());
}

TEST_P(StoreContract, AListFindsTheFewThatFitAmongMany) {
  std::vector<NewJob> jobs;
  for (std::int64_t i = 1; i <= 3000; ++i) {
    jobs.push_back(new_job(i));
    if (i == 5 || i == 2000) jobs.back().record.model = "rare";
  }
  add(std::move(jobs));
  JobFilter filter;
  filter.model = "rare";
  EXPECT_THAT(ids(good(store->list_jobs(filter, {}, 10))), ElementsAre(2000, 5));
  EXPECT_EQ(good(store->list_jobs({}, {}, 2500)).size(), 2500u);
}

TEST_P(StoreContract, AnEndedJobCanBeTriedAgainFromTheBeginning) {
  NewJob job = new_job(1);
  job.record.deadline = at(20);
  add(jobs_of({job, new_job(2)}));
  EXPECT_EQ(bad(store->retry_job(JobId(1), at(50))), ErrorCode::conflict);
  EXPECT_EQ(bad(store->retry_job(JobId(9), at(50))), ErrorCode::not_found);
  EXPECT_TRUE(change(leased(1, 5)));
  JobEnded failed = succeeded(1, 5, "an error's body");
  failed.state = JobState::failed;
  failed.status = 400;
  EXPECT_TRUE(change(failed));
  const JobRecord again = good(store->retry_job(JobId(1), at(50)));
  JobRecord wanted = job.record;
  wanted.lease = 5;
  // It would expire at once.
  wanted.deadline.reset();
  EXPECT_EQ(again, wanted);
  EXPECT_EQ(good(store->find_job(JobId(1))), wanted);
  EXPECT_THAT(good(store->list_attempts(JobId(1))), IsEmpty());
  EXPECT_EQ(bad(store->result_part(JobId(1), 0)), ErrorCode::not_found);
  EXPECT_EQ(good(store->job_request(JobId(1))), job.request);
  EXPECT_TRUE(change(leased(1, 6)));
  EXPECT_TRUE(change(succeeded(1, 6)));
  EXPECT_EQ(bad(store->retry_job(JobId(1), at(50))), ErrorCode::conflict);
  EXPECT_TRUE(change(ended(2, 0, JobState::cancelled)));
  EXPECT_EQ(good(store->retry_job(JobId(2), at(50))).deadline, at(1000));
}

TEST_P(StoreContract, OldJobsGoWithAllThatIsTheirsButNotThoseOfOpenBatches) {
  BatchRecord batch = batch_record(77);
  good(store->add_jobs(jobs_of({batch_line_job(4, 77, 1)}), batch));
  add(jobs_of({new_job(1), new_job(2), new_job(3)}));
  for (const std::int64_t id : {1, 2}) {
    EXPECT_TRUE(change(leased(id, 5)));
    EXPECT_TRUE(change(succeeded(id, 5)));
  }
  EXPECT_TRUE(change(ended(4, 0, JobState::failed)));
  EXPECT_EQ(good(store->remove_old_jobs(at(12), 100)), 0);
  EXPECT_EQ(good(store->remove_old_jobs(at(13), 1)), 1);
  EXPECT_EQ(good(store->remove_old_jobs(at(13), 100)), 1);
  EXPECT_EQ(good(store->remove_old_jobs(at(13), 100)), 0);
  EXPECT_THAT(ids(good(store->list_jobs({}, {}, 10))), ElementsAre(4, 3));
  EXPECT_EQ(bad(store->job_request(JobId(1))), ErrorCode::not_found);
  EXPECT_THAT(good(store->list_attempts(JobId(1))), IsEmpty());
  batch.state = BatchState::completed;
  good(store->put_batch(batch));
  EXPECT_EQ(good(store->remove_old_jobs(at(13), 100)), 1);
}

TEST_P(StoreContract, NoOrderedIdIsForgottenAndEveryEpochIsNew) {
  EXPECT_EQ(good(store->last_ordered_id()), 0);
  EXPECT_EQ(good(store->next_epoch()), 1);
  add(jobs_of({new_job(5)}));
  EXPECT_EQ(good(store->last_ordered_id()), 5);
  EXPECT_TRUE(change(ended(5, 0, JobState::cancelled)));
  EXPECT_EQ(good(store->remove_old_jobs(at(100), 10)), 1);
  reopen();
  EXPECT_EQ(good(store->last_ordered_id()), 5);
  good(store->add_file(file_record(7)));
  good(store->put_batch(batch_record(6)));
  EXPECT_EQ(good(store->last_ordered_id()), 7);
  good(store->remove_file(FileId(7)));
  EXPECT_EQ(good(store->last_ordered_id()), 7);
  good(store->put_batch(batch_record(8)));
  EXPECT_EQ(good(store->last_ordered_id()), 8);
  EXPECT_EQ(good(store->next_epoch()), 2);
}

TEST_P(StoreContract, ALargeRequestIsKeptToTheByte) {
  NewJob job = new_job(1);
  job.request.resize(20'000'000);
  for (std::size_t i = 0; i < job.request.size(); ++i)
    job.request[i] = static_cast<char>(i * 31 >> 3);
  add(jobs_of({job}));
  EXPECT_TRUE(good(store->job_request(JobId(1))) == job.request);
}

}  // namespace gogrid::store::test
