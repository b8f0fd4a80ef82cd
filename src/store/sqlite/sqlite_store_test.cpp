// What is SQLite's own: migrations, full and read-only disks, other processes, group commit.
#include "store/sqlite/sqlite_store.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <future>

#include "base/file.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/migrations.hpp"
#include "store/sqlite/sqlite_thread.hpp"
#include "store/store_test_support.hpp"

namespace gogrid::store {
namespace {

using namespace test;

class SqliteStoreTest : public testing::Test {
 protected:
  Database open() { return std::move(Database::open(file).value()); }
  std::int64_t number(Database& database, const char* sql) {
    auto rows = database.query(sql);
    EXPECT_TRUE(rows);
    EXPECT_TRUE(rows->next().value());
    return rows->integer(0);
  }

  TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "test.db";
  Loop loop;
};

TEST_F(SqliteStoreTest, MigrationsAreNumberedFromOneWithoutAGap) {
  int expected = 1;
  for (const Migration& migration : migrations())
    EXPECT_EQ(migration.version, expected++) << migration.name;
  EXPECT_GT(expected, 1);
}

TEST_F(SqliteStoreTest, AnEmptyDatabaseGetsEveryMigrationOnce) {
  Database database = open();
  ASSERT_TRUE(migrate(database, migrations()));
  ASSERT_TRUE(migrate(database, migrations()));
  EXPECT_EQ(number(database, "SELECT COUNT(*) FROM schema_version"), static_cast<std::int64_t>(migrations().size()));
  EXPECT_EQ(number(database, "SELECT COUNT(*) FROM api_keys"), 0);
}

TEST_F(SqliteStoreTest, ADatabaseOfVersionOneKeepsItsRowsThroughTheNextMigration) {
  const std::string first = migrations().front().sql;
  const Migration one[] = {{1, "0001", first.c_str()}};
  const Migration two[] = {{1, "0001", first.c_str()},
                           {2, "0002", "ALTER TABLE api_keys ADD COLUMN note TEXT NOT NULL DEFAULT 'x'"}};
  {
    Database database = open();
    ASSERT_TRUE(migrate(database, one));
    ASSERT_TRUE(database.run_script(
        "INSERT INTO api_keys (id, secret_sha256, name, scopes, created_at) VALUES ('k', '', 'n', '', 1)"));
  }
  Database database = open();
  ASSERT_TRUE(migrate(database, two));
  EXPECT_EQ(number(database, "SELECT MAX(version) FROM schema_version"), 2);
  EXPECT_EQ(number(database, "SELECT COUNT(*) FROM api_keys WHERE id = 'k' AND note = 'x'"), 1);
}

TEST_F(SqliteStoreTest, AMigrationThatFailsChangesNothing) {
  const Migration steps[] = {{1, "0001", "CREATE TABLE a (x)"},
                             {2, "0002_bad", "CREATE TABLE b (x); CREATE TABLE a (x)"}};
  Database database = open();
  const auto migrated = migrate(database, steps);
  ASSERT_FALSE(migrated);
  EXPECT_NE(migrated.error().detail.find("0002_bad"), std::string::npos);
  EXPECT_EQ(number(database, "SELECT MAX(version) FROM schema_version"), 1);
  EXPECT_EQ(number(database, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'b'"), 0);
}

TEST_F(SqliteStoreTest, ANewerDatabaseIsRefusedWithTheWayOut) {
  {
    Database database = open();
    ASSERT_TRUE(migrate(database, migrations()));
    ASSERT_TRUE(database.run_script("INSERT INTO schema_version (version) VALUES (999)"));
  }
  const auto opened = open_sqlite_store(file);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unsupported);
  EXPECT_NE(opened.error().detail.find("newer gogrid-coordinator"), std::string::npos);
  EXPECT_NE(opened.error().detail.find(file.string()), std::string::npos);
}

TEST_F(SqliteStoreTest, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(file) << std::string(10'000, 'x');
  const auto opened = open_sqlite_store(file);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().detail.find("damaged"), std::string::npos) << opened.error().detail;
}

TEST_F(SqliteStoreTest, TheFileIsItsOwnersOnly) {
  ASSERT_TRUE(open_sqlite_store(file));
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(SqliteStoreTest, AFullDiskIsSaidAndTheStoreGoesOnWhenThereIsRoom) {
  Database database = open();
  ASSERT_TRUE(migrate(database, migrations()));
  const auto pages = number(database, "PRAGMA page_count");
  ASSERT_TRUE(database.run_script(("PRAGMA max_page_count = " + std::to_string(pages)).c_str()));
  const auto store = make_sqlite_store(std::move(database));
  KeyRecord large = key_record("large");
  large.name.assign(1'000'000, 'n');
  const auto added = loop.run(store->add_key(large));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::disk_full);
  EXPECT_NE(added.error().detail.find("disk is full"), std::string::npos);
  ASSERT_TRUE(loop.run(store->add_key(key_record("small"))));
  EXPECT_EQ(loop.run(store->list_keys())->size(), 1u);
}

TEST_F(SqliteStoreTest, AReadOnlyDatabaseIsUnavailable) {
  Database database = open();
  ASSERT_TRUE(migrate(database, migrations()));
  ASSERT_TRUE(database.run_script("PRAGMA query_only = ON"));
  const auto store = make_sqlite_store(std::move(database));
  const auto added = loop.run(store->add_key(key_record("k")));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::unavailable);
  EXPECT_NE(added.error().detail.find("permissions"), std::string::npos);
}

// Holds the SQL thread up until everything is posted, so that all of it is one batch.
class SqliteThreadTest : public SqliteStoreTest {
 protected:
  std::vector<Result<void>> run_batch(Database database, std::vector<std::function<Result<void>(Database&)>> works) {
    std::vector<std::future<Result<void>>> futures;
    std::promise<void> all_posted;
    {
      SqliteThread thread(std::move(database));
      SqliteThread::Operation first;
      first.work = [&](Database&) -> Result<void> {
        all_posted.get_future().wait();
        return {};
      };
      first.done = [](Result<void>) {};
      thread.post(std::move(first));
      for (auto& work : works) {
        auto promise = std::make_shared<std::promise<Result<void>>>();
        futures.push_back(promise->get_future());
        SqliteThread::Operation operation;
        operation.work = std::move(work);
        operation.done = [promise](Result<void> outcome) { promise->set_value(std::move(outcome)); };
        thread.post(std::move(operation));
      }
      all_posted.set_value();
    }
    std::vector<Result<void>> outcomes;
    outcomes.reserve(futures.size());
    for (auto& future : futures)
      outcomes.push_back(future.get());
    return outcomes;
  }
};

std::function<Result<void>(Database&)> insert_number(std::int64_t number) {
  return [number](Database& database) -> Result<void> {
    const auto changes = database.change("INSERT INTO numbers VALUES (?)", number);
    if (!changes) return changes.error();
    return {};
  };
}

TEST_F(SqliteThreadTest, OneOperationsFailureUndoesItAlone) {
  Database database = open();
  ASSERT_TRUE(database.run_script("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"));
  const auto half = [](Database& inner) -> Result<void> {
    if (auto done = insert_number(50)(inner); !done) return done;
    return Error(ErrorCode::conflict, "no");
  };
  const auto outcomes = run_batch(std::move(database), {insert_number(1), half, insert_number(1), insert_number(2)});
  EXPECT_TRUE(outcomes[0]);
  EXPECT_EQ(outcomes[1].error().code, ErrorCode::conflict);
  EXPECT_EQ(outcomes[2].error().code, ErrorCode::conflict);
  EXPECT_TRUE(outcomes[3]);
  Database again = open();
  EXPECT_EQ(number(again, "SELECT SUM(n) FROM numbers"), 3);
}

TEST_F(SqliteThreadTest, NothingIsReportedStoredThatALostTransactionTookAlong) {
  Database database = open();
  ASSERT_TRUE(database.run_script("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"));
  const auto lose = [](Database& inner) -> Result<void> {
    inner.roll_back();
    return Error(ErrorCode::resource_exhausted, "full");
  };
  const auto outcomes = run_batch(std::move(database), {insert_number(1), lose, insert_number(2)});
  EXPECT_EQ(outcomes[0].error().code, ErrorCode::resource_exhausted);
  EXPECT_EQ(outcomes[1].error().code, ErrorCode::resource_exhausted);
  EXPECT_TRUE(outcomes[2]);
  Database again = open();
  EXPECT_EQ(number(again, "SELECT SUM(n) FROM numbers"), 2);
}

TEST_F(SqliteThreadTest, ManyOperationsShareFewTransactions) {
  Database database = open();
  ASSERT_TRUE(database.run_script("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"));
  std::vector<std::function<Result<void>(Database&)>> works;
  for (std::int64_t i = 0; i < 1000; ++i)
    works.push_back(insert_number(i));
  for (const auto& outcome : run_batch(std::move(database), std::move(works)))
    EXPECT_TRUE(outcome);
  Database again = open();
  EXPECT_EQ(number(again, "SELECT COUNT(*) FROM numbers"), 1000);
}

}  // namespace
}  // namespace gogrid::store
