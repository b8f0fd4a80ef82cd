// The contract of BatchStore, UsageStore and AuditStore: see store_contract_test.cpp.
#include "store/store_contract_test_support.hpp"

namespace gogrid::store::test {

using domain::BatchId;
using domain::JobState;
using testing::ElementsAre;
using testing::IsEmpty;

template <class Record>
std::vector<std::int64_t> ids_of(const std::vector<Record>& records) {
  std::vector<std::int64_t> found;
  found.reserve(records.size());
  for (const Record& record : records)
    found.push_back(record.id.value());
  return found;
}

TEST_P(StoreContract, FilesKeepEveryFieldAndAreListedByKeyAndPurpose) {
  FileRecord first = file_record(1);
  FileRecord second = file_record(2, "key_2");
  second.purpose = "batch_output";
  second.expires_at = at(50) + std::chrono::milliseconds(9);
  good(store->add_file(first));
  good(store->add_file(second));
  good(store->add_file(file_record(3)));
  EXPECT_EQ(bad(store->add_file(first)), ErrorCode::conflict);
  reopen();
  EXPECT_EQ(good(store->find_file(FileId(1))), first);
  EXPECT_EQ(good(store->find_file(FileId(2))), second);
  EXPECT_EQ(good(store->find_file(FileId(9))), std::nullopt);
  EXPECT_THAT(ids_of(good(store->list_files("", "", {}, 10))), ElementsAre(3, 2, 1));
  EXPECT_THAT(ids_of(good(store->list_files("", "", FileId(3), 1))), ElementsAre(2));
  EXPECT_THAT(ids_of(good(store->list_files("key_1", "", {}, 10))), ElementsAre(3, 1));
  EXPECT_THAT(ids_of(good(store->list_files("key_1", "batch_output", {}, 10))), IsEmpty());
  EXPECT_THAT(ids_of(good(store->list_files("", "batch_output", {}, 10))), ElementsAre(2));
  EXPECT_THAT(good(store->list_expired_files(at(50))), IsEmpty());
  EXPECT_THAT(ids_of(good(store->list_expired_files(at(51)))), ElementsAre(2));
  good(store->remove_file(FileId(2)));
  EXPECT_EQ(bad(store->remove_file(FileId(2))), ErrorCode::not_found);
}

TEST_P(StoreContract, ABatchKeepsEveryFieldInEveryState) {
  constexpr BatchState states[] = {BatchState::validating, BatchState::in_progress, BatchState::finalizing,
                                   BatchState::completed,  BatchState::failed,      BatchState::expired,
                                   BatchState::cancelling, BatchState::cancelled};
  std::vector<BatchRecord> batches;
  for (const BatchState state : states) {
    const auto id = static_cast<std::int64_t>(batches.size()) + 1;
    BatchRecord batch = batch_record(id, id % 2 == 0 ? "key_even" : "key_odd");
    batch.state = state;
    good(store->put_batch(batch));
    batch.errors = R"([{"line":1}])";
    batch.output_file = FileId(id + 100);
    batch.error_file = FileId(id + 200);
    batch.in_progress_at = at(id) + std::chrono::milliseconds(1);
    batch.finalizing_at = at(id + 1);
    batch.completed_at = at(id + 2);
    batch.failed_at = at(id + 3);
    batch.expired_at = at(id + 4);
    batch.cancelling_at = at(id + 5);
    batch.cancelled_at = at(id + 6);
    batch.total_lines = 50'000;
    batch.fed_lines = 1000;
    batch.fed_bytes = 6'000'000'000;
    batch.succeeded_lines = 40'000;
    batch.failed_lines = 10'000;
    good(store->put_batch(batch));
    batches.push_back(batch);
  }
  reopen();
  for (const BatchRecord& batch : batches)
    EXPECT_EQ(good(store->find_batch(batch.id)), batch) << batch.id.text();
  EXPECT_EQ(good(store->find_batch(BatchId(99))), std::nullopt);
  EXPECT_THAT(ids_of(good(store->list_open_batches())), ElementsAre(1, 2, 3, 7));
  EXPECT_THAT(ids_of(good(store->list_batches("", {}, 3))), ElementsAre(8, 7, 6));
  EXPECT_THAT(ids_of(good(store->list_batches("", BatchId(3), 3))), ElementsAre(2, 1));
  EXPECT_THAT(ids_of(good(store->list_batches("key_even", BatchId(8), 2))), ElementsAre(6, 4));
}

TEST_P(StoreContract, ABatchsLinesAreCountedAndListedAsTheyEnd) {
  good(store->put_batch(batch_record(77)));
  add(jobs_of({batch_line_job(1, 77, 30), batch_line_job(2, 77, 20), batch_line_job(3, 77, 10),
               batch_line_job(4, 77, 40), batch_line_job(5, 78, 1), new_job(6)}));
  EXPECT_EQ(good(store->count_batch(BatchId(77))), (BatchCounts{4, 0, 0}));
  EXPECT_TRUE(change(leased(1, 5)));
  EXPECT_TRUE(change(succeeded(1, 5)));
  EXPECT_TRUE(change(ended(2, 0, JobState::cancelled)));
  EXPECT_TRUE(change(ended(3, 0, JobState::failed)));
  EXPECT_TRUE(change(ended(5, 0, JobState::failed)));
  EXPECT_TRUE(change(ended(6, 0, JobState::failed)));
  EXPECT_EQ(good(store->count_batch(BatchId(77))), (BatchCounts{1, 1, 2}));
  EXPECT_EQ(good(store->count_batch(BatchId(99))), (BatchCounts{0, 0, 0}));
  const auto lines = good(store->list_batch_lines(BatchId(77), 0, 2));
  EXPECT_THAT(ids_of(lines), ElementsAre(3, 2));
  EXPECT_EQ(lines.at(0).custom_id, "line-10");
  EXPECT_THAT(ids_of(good(store->list_batch_lines(BatchId(77), 20, 10))), ElementsAre(1));
}

TEST_P(StoreContract, UsageAddsUpByDayKeyAndModel) {
  const auto used = [](std::int64_t day, const char* key, const char* model, std::int64_t requests) {
    UsageRecord usage;
    usage.day = day;
    usage.key_id = key;
    usage.model = model;
    usage.requests = requests;
    usage.prompt_tokens = requests * 10;
    usage.completion_tokens = requests * 1'000'000'000;
    return usage;
  };
  std::vector<UsageRecord> some = {used(2, "b", "m", 1), used(1, "b", "m", 2), used(1, "a", "m", 3),
                                   used(2, "b", "m", 4)};
  good(store->add_usage(std::move(some)));
  some = {used(2, "b", "l", 5), used(1, "a", "m", 6)};
  good(store->add_usage(std::move(some)));
  good(store->add_usage({}));
  reopen();
  EXPECT_THAT(good(store->list_usage(1, 2, "")),
              ElementsAre(used(1, "a", "m", 9), used(1, "b", "m", 2), used(2, "b", "l", 5), used(2, "b", "m", 5)));
  EXPECT_THAT(good(store->list_usage(2, 9, "")), ElementsAre(used(2, "b", "l", 5), used(2, "b", "m", 5)));
  EXPECT_THAT(good(store->list_usage(0, 9, "a")), ElementsAre(used(1, "a", "m", 9)));
}

TEST_P(StoreContract, TheAuditLogGrowsAndIsReadFromItsEnd) {
  for (int i = 1; i <= 3; ++i) {
    AuditRecord act;
    act.at = at(i) + std::chrono::milliseconds(i);
    act.actor = "key_1";
    act.action = "key.create";
    act.subject = "key_" + std::to_string(i);
    act.detail = R"({"name":"ñ"})";
    good(store->add_audit(act));
  }
  reopen();
  const auto acts = good(store->list_audit(0, 2));
  ASSERT_EQ(acts.size(), 2u);
  EXPECT_EQ(acts[0].subject, "key_3");
  EXPECT_EQ(acts[0].at, at(3) + std::chrono::milliseconds(3));
  EXPECT_EQ(acts[0].detail, R"({"name":"ñ"})");
  EXPECT_GT(acts[0].sequence, acts[1].sequence);
  const auto older = good(store->list_audit(acts[1].sequence, 10));
  ASSERT_EQ(older.size(), 1u);
  EXPECT_EQ(older[0].subject, "key_1");
  EXPECT_EQ(older[0].actor, "key_1");
  EXPECT_EQ(older[0].action, "key.create");
}

}  // namespace gogrid::store::test
