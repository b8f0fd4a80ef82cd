// What is SQLite's own: migrations, full and read-only disks, the file.
#include "store/sqlite/sqlite_connection.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <fstream>

#include "store/open_store.hpp"
#include "store/sql/migrations.hpp"
#include "store/sql/sql_store.hpp"
#include "store/store_test_support.hpp"

namespace gogrid::store {
namespace {

using namespace test;

class SqliteStoreTest : public testing::Test {
 protected:
  std::unique_ptr<SqliteConnection> open() { return std::move(SqliteConnection::open(file).value()); }
  std::int64_t number(Connection& database, const char* sql) {
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
  for (const Migration& migration : migrations(Dialect::sqlite))
    EXPECT_EQ(migration.version, expected++) << migration.name;
  EXPECT_GT(expected, 1);
}

TEST_F(SqliteStoreTest, AnEmptyDatabaseGetsEveryMigrationOnce) {
  const auto database = open();
  ASSERT_TRUE(migrate(*database));
  ASSERT_TRUE(migrate(*database));
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM schema_version"),
            static_cast<std::int64_t>(migrations(Dialect::sqlite).size()));
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM api_keys"), 0);
}

TEST_F(SqliteStoreTest, ADatabaseOfVersionOneKeepsItsRowsThroughTheNextMigration) {
  const std::string first = migrations(Dialect::sqlite).front().sql;
  const Migration one[] = {{1, "0001", first.c_str()}};
  const Migration two[] = {{1, "0001", first.c_str()},
                           {2, "0002", "ALTER TABLE api_keys ADD COLUMN note TEXT NOT NULL DEFAULT 'x'"}};
  {
    const auto database = open();
    ASSERT_TRUE(migrate(*database, one));
    ASSERT_TRUE(database->run_script(
        "INSERT INTO api_keys (id, secret_sha256, name, scopes, created_at) VALUES ('k', '', 'n', '', 1)"));
  }
  const auto database = open();
  ASSERT_TRUE(migrate(*database, two));
  EXPECT_EQ(number(*database, "SELECT MAX(version) FROM schema_version"), 2);
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM api_keys WHERE id = 'k' AND note = 'x'"), 1);
}

TEST_F(SqliteStoreTest, ADatabaseOfEveryReleasedVersionKeepsItsRows) {
  const auto all = migrations(Dialect::sqlite);
  for (std::size_t released = 1; released < all.size(); ++released) {
    std::filesystem::remove(file);
    {
      const auto old = open();
      ASSERT_TRUE(migrate(*old, all.first(released)));
      ASSERT_TRUE(old->run_script(
          "INSERT INTO api_keys (id, secret_sha256, name, scopes, created_at) VALUES ('k', 's', 'n', 'admin', 7);"
          "INSERT INTO join_tokens (id, secret_sha256, name, uses, uses_left, created_at, expires_at) "
          "VALUES ('t', 's', 'n', 2, 1, 7, 8);"
          "INSERT INTO workers (id, name, host_name, certificate_serial, certificate_expires_at, enrolled_at) "
          "VALUES ('w', 'desk', 'h', '1f', 9, 7);"
          "INSERT INTO models (id, name, kind, sha256, size_bytes, context_tokens, slots, title, architecture, "
          "quantization, parameters, layers, embedding_length, trained_context_tokens, has_chat_template, created_at) "
          "VALUES ('mdl_1', 'm', 'chat', 'abc', 77, 512, 2, 't', 'llama', 'F16', 5, 3, 64, 1024, 1, 7)"));
      if (released >= version_of_model_files) old->run_script(old_model_file).value();
    }
    const auto store = open_sqlite_store(file);
    ASSERT_TRUE(store) << store.error().detail;
    const auto keys = loop.run((*store)->list_keys()).value();
    ASSERT_EQ(keys.size(), 1u);
    EXPECT_EQ(keys[0].name, "n");
    EXPECT_EQ(keys[0].created_at, from_unix_seconds(7));
    EXPECT_EQ(keys[0].policy, KeyPolicy());
    EXPECT_EQ(loop.run((*store)->find_token("t")).value()->uses_left, 1);
    EXPECT_EQ(loop.run((*store)->list_workers()).value().at(0).name, "desk");
    expect_old_model(loop.run((*store)->list_models()).value());
  }
}

TEST_F(SqliteStoreTest, TheAuditLogCannotBeRewritten) {
  const auto database = open();
  ASSERT_TRUE(migrate(*database));
  ASSERT_TRUE(
      database->run_script("INSERT INTO audit (at, actor, action, subject, detail) VALUES (1, 'a', 'b', 'c', '{}')"));
  for (const char* sql : {"UPDATE audit SET subject = 'x'", "DELETE FROM audit",
                          "INSERT OR REPLACE INTO audit VALUES (1, 2, 'x', 'x', 'x', '{}')"})
    EXPECT_FALSE(database->run_script(sql)) << sql;
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM audit WHERE subject = 'c'"), 1);
}

// Each of these is run for a queue or a batch of any size.
TEST_F(SqliteStoreTest, WhatIsAskedOftenHasItsIndex) {
  const auto database = open();
  ASSERT_TRUE(migrate(*database));
  const struct {
    const char* sql;
    const char* index;
  } table[] = {
      {"SELECT * FROM jobs WHERE finished_at IS NULL AND id > 5 ORDER BY id LIMIT 9", "jobs_open"},
      {"SELECT * FROM jobs WHERE key_id = 'k' AND id < 5 ORDER BY id DESC LIMIT 9", "jobs_key"},
      {"SELECT id, request_sha256 FROM jobs WHERE key_id = 'k' AND idempotency_key = 'i'", "jobs_idempotency"},
      {"SELECT * FROM jobs WHERE batch = 7 AND batch IS NOT NULL AND id < 5 ORDER BY id DESC LIMIT 9", "jobs_batch"},
      {"SELECT COUNT(*) FROM jobs WHERE batch = 7 AND batch IS NOT NULL", "COVERING INDEX jobs_batch"},
      {"SELECT state, COUNT(*) FROM jobs WHERE batch = 7 AND batch IS NOT NULL AND finished_at IS NOT NULL "
       "AND batch_line > 0 GROUP BY state",
       "jobs_batch_ended"},
      {"SELECT * FROM jobs WHERE batch = 7 AND batch IS NOT NULL AND finished_at IS NOT NULL AND batch_line > 2 "
       "ORDER BY batch_line LIMIT 9",
       "jobs_batch_ended"},
      {"SELECT id FROM jobs WHERE finished_at < 5 AND finished_at IS NOT NULL ORDER BY finished_at LIMIT 9",
       "jobs_finished"},
  };
  std::deque<std::string> texts;  // the connection keeps statements by their addresses
  for (const auto& row : table) {
    auto rows = database->query(texts.emplace_back(std::string("EXPLAIN QUERY PLAN ") + row.sql).c_str());
    ASSERT_TRUE(rows) << row.sql;
    ASSERT_TRUE(rows->next().value());
    EXPECT_NE(rows->text(3).find(row.index), std::string::npos) << row.sql << ": " << rows->text(3);
    // No sorting afterwards, but for the handful of a GROUP BY.
    while (rows->next().value())
      EXPECT_NE(std::string(row.sql).find("GROUP"), std::string::npos) << row.sql << ": " << rows->text(3);
  }
}

TEST_F(SqliteStoreTest, AMigrationThatFailsChangesNothing) {
  const Migration steps[] = {{1, "0001", "CREATE TABLE a (x)"},
                             {2, "0002_bad", "CREATE TABLE b (x); CREATE TABLE a (x)"}};
  const auto database = open();
  const auto migrated = migrate(*database, steps);
  ASSERT_FALSE(migrated);
  EXPECT_NE(migrated.error().detail.find("0002_bad"), std::string::npos);
  EXPECT_EQ(number(*database, "SELECT MAX(version) FROM schema_version"), 1);
  EXPECT_EQ(number(*database, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'b'"), 0);
}

TEST_F(SqliteStoreTest, ANewerDatabaseIsRefusedWithTheWayOut) {
  {
    const auto database = open();
    ASSERT_TRUE(migrate(*database));
    ASSERT_TRUE(database->run_script("INSERT INTO schema_version (version) VALUES (999)"));
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
  auto database = open();
  ASSERT_TRUE(migrate(*database));
  const auto pages = number(*database, "PRAGMA page_count");
  ASSERT_TRUE(database->run_script("PRAGMA max_page_count = " + std::to_string(pages)));
  const auto store = make_sql_store(std::move(database));
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
  auto database = open();
  ASSERT_TRUE(migrate(*database));
  ASSERT_TRUE(database->run_script("PRAGMA query_only = ON"));
  const auto store = make_sql_store(std::move(database));
  const auto added = loop.run(store->add_key(key_record("k")));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::unavailable);
  EXPECT_NE(added.error().detail.find("permissions"), std::string::npos);
}

}  // namespace
}  // namespace gogrid::store
