// An SQLite store on a disk that fails: what is refused, and that it goes on by itself when the disk does.
#include <sqlite3.h>

#include <boost/asio/co_spawn.hpp>

#include "store/sql/migrations.hpp"
#include "store/sql/sql_store.hpp"
#include "store/sqlite/crash_disk_test_support.hpp"
#include "store/sqlite/sqlite_connection.hpp"
#include "store/store_contract_test_support.hpp"

namespace gogrid::store::test {
namespace {

namespace asio = boost::asio;
using domain::JobId;

class SqliteFaults : public testing::Test {
 protected:
  SqliteFaults() {
    auto connection = std::move(SqliteConnection::open("store.db", {disk.vfs(), 20}).value());
    migrate(*connection).value();
    store = make_sql_store(std::move(connection));
  }
  Result<std::vector<JobStore::Added>> add(std::int64_t id) {
    return loop.run(store->add_jobs(jobs_of({new_job(id)})));
  }

  // Whatever was acknowledged while the disk failed now and then, and nothing else, is there.
  void expect_only(const std::vector<std::int64_t>& ids) {
    std::vector<std::int64_t> found;
    for (const JobRecord& job : loop.run(store->list_open_jobs({}, 1000)).value())
      found.push_back(job.id.value());
    EXPECT_EQ(found, ids);
  }

  CrashDisk disk;
  std::unique_ptr<Store> store;
  Loop loop;
};

TEST_F(SqliteFaults, AFullDiskRefusesWritesReadsOnAndRecovers) {
  add(1).value();
  disk.fail_writes_with(SQLITE_FULL);
  for (const std::int64_t id : {2, 3}) {
    const auto added = add(id);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, ErrorCode::disk_full);
  }
  EXPECT_EQ(loop.run(store->job_request(JobId(1))).value(), new_job(1).request);
  disk.fail_writes_with(SQLITE_OK);
  add(4).value();
  expect_only({1, 4});
}

TEST_F(SqliteFaults, ADiskThatTurnsReadOnlyIsUnavailableUntilItDoesNot) {
  add(1).value();
  disk.fail_writes_with(SQLITE_IOERR_WRITE);
  EXPECT_EQ(add(2).error().code, ErrorCode::unavailable);
  EXPECT_TRUE(loop.run(store->find_job(JobId(1))).value());
  disk.fail_writes_with(SQLITE_OK);
  add(3).value();
  expect_only({1, 3});
}

TEST_F(SqliteFaults, WhatCouldNotBeSyncedIsNotAcknowledged) {
  add(1).value();
  disk.fail_syncs_with(SQLITE_IOERR_FSYNC);
  EXPECT_EQ(add(2).error().code, ErrorCode::unavailable);
  disk.fail_syncs_with(SQLITE_OK);
  add(2).value();
  add(3).value();
  expect_only({1, 2, 3});
}

TEST_F(SqliteFaults, OfManyAtOnceOnADiskThatFillsUpEachIsToldTheTruth) {
  std::vector<std::int64_t> acknowledged;
  int calls = 0;
  disk.on_change = [&] {
    // Full for two writes of every five.
    if (++calls % 5 == 3) disk.fail_writes_with(SQLITE_FULL);
  };
  for (std::int64_t id = 1; id <= 200; ++id) {
    asio::co_spawn(loop.context(), store->add_jobs(jobs_of({new_job(id)})),
                   [&, id](std::exception_ptr, Result<std::vector<JobStore::Added>> added) {
                     disk.fail_writes_with(SQLITE_OK);
                     if (added)
                       acknowledged.push_back(id);
                     else
                       EXPECT_EQ(added.error().code, ErrorCode::disk_full);
                   });
    loop.context().restart();
    loop.context().poll();
  }
  loop.context().restart();
  loop.context().run();
  disk.fail_writes_with(SQLITE_OK);
  // The SQL thread is at rest: everybody has an answer.
  disk.on_change = nullptr;
  add(1000).value();
  acknowledged.push_back(1000);
  std::sort(acknowledged.begin(), acknowledged.end());
  expect_only(acknowledged);
}

}  // namespace
}  // namespace gogrid::store::test
