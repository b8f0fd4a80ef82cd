// A store's way into a backup and back, over each pair of databases.
#include "store/backup.hpp"

#include <fstream>

#include "store/postgres/postgres_connection.hpp"
#include "store/postgres/postgres_test_support.hpp"
#include "store/sql/migrations.hpp"
#include "store/sql/tables.hpp"
#include "store/sqlite/sqlite_connection.hpp"
#include "store/store_contract_test_support.hpp"

namespace gogrid::store::test {
namespace {

namespace fs = std::filesystem;
using domain::JobId;
using domain::JobState;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Ways {
  const char* name;
  bool from_postgres;
  bool to_postgres;
};
std::ostream& operator<<(std::ostream& out, const Ways& ways) { return out << ways.name; }

// A place for a store: a URL with a data directory.
struct Place {
  explicit Place(bool postgres) : where(postgres ? PostgresServer::shared().make_database() : "") {}
  std::unique_ptr<Store> open() const { return std::move(open_store(where, directory.path()).value()); }

  TemporaryDirectory directory;
  std::string where;
};

// Something in every table.
void fill(Store& store, Loop& loop) {
  const auto good = [&](auto task) { return loop.run(std::move(task)).value(); };
  KeyRecord key = key_record("key_1");
  key.name = std::string("nul \0 and \xff", 11);
  key.policy.weight = 0.3;
  good(store.add_key(key));
  good(store.add_token(token_record("t1", 2)));
  good(store.enrol_worker("t1", at(10), worker_record("w1")));
  good(store.put_model(model_record("m1", "one")));
  good(store.put_alias({"fast", "one", at(1)}));
  good(store.put_fetch({"f1", "{}", "", at(1)}));
  good(store.put_engine(engine_record('1', "engine")));
  UploadRecord upload;
  upload.sha256 = std::string(64, 'd');
  good(store.put_upload(upload));
  BatchRecord batch = batch_record(77);
  batch.fed_lines = 1;
  good(store.add_jobs(jobs_of({batch_line_job(5, 77, 1)}), batch));
  std::vector<NewJob> jobs;
  for (std::int64_t i = 100; i < 1300; ++i)
    jobs.push_back(new_job(i));
  jobs.back().record.idempotency_key = "once";
  jobs.back().request.assign(5'000'000, '\xee');
  jobs.back().record.request_bytes = jobs.back().request.size();
  good(store.add_jobs(std::move(jobs)));
  JobEnded done = succeeded(100, 5, std::string("\0\x01\xff", 3));
  done.webhook = WebhookRecord{0, "evt_1", "key_1", "https://example.com", "{}", 2, at(9)};
  good(store.change_jobs({leased(100, 5), done, leased(101, 6), ended(102, 0, JobState::cancelled)}));
  good(store.add_file(file_record(9)));
  good(store.add_usage({UsageRecord{1, "key_1", "m", 1, 2, 3}}));
  good(store.put_measured_memory(memory_record()));
  for (const char* subject : {"a", "b"}) {
    AuditRecord act;
    act.at = at(4);
    act.subject = subject;
    good(store.add_audit(act));
  }
  good(store.next_epoch());
}

// Every row of every table, as text.
std::vector<std::string> all_rows(const Place& place) {
  TemporaryDirectory scratch;
  auto newest = std::move(SqliteConnection::open(scratch.path() / "newest.db").value());
  migrate(*newest).value();
  const auto tables = find_tables(*newest).value();
  EXPECT_EQ(tables.size(), 20u);
  std::unique_ptr<Connection> connection;
  if (place.where.empty()) {
    connection = std::move(SqliteConnection::open_to_read(place.directory.path() / "gogrid.db").value());
  } else {
    connection = std::move(PostgresConnection::open(place.where, PostgresConnection::Use::read).value());
    connection->begin().value();
  }
  std::vector<std::string> rows;
  for (const Table& table : tables) {
    const auto take = [&](const Rows& row) -> Result<void> {
      std::string text = table.name;
      for (int i = 0; i < static_cast<int>(table.kinds.size()); ++i) {
        text += '|';
        const auto kind = table.kinds[static_cast<std::size_t>(i)];
        if (row.is_null(i))
          text += "NULL";
        else if (kind == Parameter::Kind::integer)
          text += std::to_string(row.integer(i));
        else if (kind == Parameter::Kind::real)
          text += std::to_string(row.real(i));
        else if (kind == Parameter::Kind::bytes)
          text += row.bytes(i);
        else
          text += row.text(i);
      }
      rows.push_back(std::move(text));
      return {};
    };
    for_each_row(*connection, table, take).value();
  }
  return rows;
}

class BackupTest : public testing::TestWithParam<Ways> {
 protected:
  Place from{GetParam().from_postgres};
  Place to{GetParam().to_postgres};
  TemporaryDirectory elsewhere;
  const fs::path file = elsewhere.path() / "gogrid.db";
  Loop loop;
};

TEST_P(BackupTest, ABackupOfARunningStoreRestoresEveryRow) {
  const auto store = from.open();
  fill(*store, loop);
  const auto backed_up = backup_store(from.where, from.directory.path(), file);
  ASSERT_TRUE(backed_up) << backed_up.error().detail;
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  // What comes later is not in it.
  const auto wanted = all_rows(from);
  loop.run(store->add_key(key_record("later"))).value();
  const auto restored = restore_store(file, to.where, to.directory.path(), false);
  ASSERT_TRUE(restored) << restored.error().detail;
  EXPECT_TRUE(all_rows(to) == wanted);
  EXPECT_THAT(check_store(to.where, to.directory.path()).value(), IsEmpty());
  // Nothing else is left lying about.
  EXPECT_EQ(std::distance(fs::directory_iterator(elsewhere.path()), {}), 1);
}

TEST_P(BackupTest, ARestoredStoreGoesOn) {
  {
    const auto store = from.open();
    fill(*store, loop);
  }
  backup_store(from.where, from.directory.path(), file).value();
  restore_store(file, to.where, to.directory.path(), false).value();
  const auto store = to.open();
  EXPECT_EQ(loop.run(store->next_epoch()).value(), 2);
  EXPECT_EQ(loop.run(store->last_ordered_id()).value(), 1299);
  AuditRecord act;
  act.subject = "after";
  ASSERT_TRUE(loop.run(store->add_audit(act)));
  EXPECT_EQ(loop.run(store->list_audit(0, 10)).value().at(0).subject, "after");
  ASSERT_TRUE(loop.run(store->add_key(key_record("after"))));
  WebhookRecord hook;
  hook.next_at = at(1);
  ASSERT_TRUE(loop.run(store->add_webhook(hook)));
  MemoryRecord measured = memory_record();
  measured.key.slots += 1;
  ASSERT_TRUE(loop.run(store->put_measured_memory(measured)));
}

TEST_P(BackupTest, AStoreWithSomethingInItIsReplacedOnlyWhenThatIsSaid) {
  {
    const auto store = from.open();
    fill(*store, loop);
  }
  backup_store(from.where, from.directory.path(), file).value();
  {
    const auto store = to.open();
    loop.run(store->add_key(key_record("mine"))).value();
    AuditRecord act;
    loop.run(store->add_audit(act)).value();
  }
  const auto refused = restore_store(file, to.where, to.directory.path(), false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(loop.run(to.open()->list_keys()).value().at(0).id, "mine");
  ASSERT_TRUE(restore_store(file, to.where, to.directory.path(), true));
  EXPECT_TRUE(all_rows(to) == all_rows(from));
}

INSTANTIATE_TEST_SUITE_P(Sqlite, BackupTest, testing::Values(Ways{"to_sqlite", false, false}));
INSTANTIATE_TEST_SUITE_P(Postgres, BackupTest,
                         testing::Values(Ways{"to_sqlite", true, false}, Ways{"from_sqlite", false, true},
                                         Ways{"to_postgres", true, true}));

TEST(Backup, WhatIsNoBackupIsRefusedAndChangesNothing) {
  const Place place(false);
  Loop loop;
  loop.run(place.open()->add_key(key_record("mine"))).value();
  TemporaryDirectory elsewhere;
  const fs::path file = elsewhere.path() / "other";
  const auto restored = [&] { return restore_store(file, "", place.directory.path(), true); };
  EXPECT_FALSE(restored());
  std::ofstream(file) << std::string(10'000, 'x');
  EXPECT_FALSE(restored());
  fs::remove(file);
  {
    auto other = std::move(SqliteConnection::open(file).value());
    other->run_script("CREATE TABLE birds (name TEXT)").value();
  }
  const auto refused = restored();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("no backup"));
  EXPECT_EQ(loop.run(place.open()->list_keys()).value().at(0).id, "mine");
  EXPECT_EQ(std::distance(fs::directory_iterator(elsewhere.path()), {}), 1);
}

TEST(Backup, ThereIsNoBackupOfNoStore) {
  TemporaryDirectory empty, elsewhere;
  EXPECT_FALSE(backup_store("", empty.path(), elsewhere.path() / "backup"));
  EXPECT_FALSE(check_store("", empty.path()));
  EXPECT_TRUE(fs::is_empty(empty.path()));
  EXPECT_TRUE(fs::is_empty(elsewhere.path()));
}

TEST(Backup, ACheckNamesWhatIsWrong) {
  const Place place(false);
  Loop loop;
  {
    const auto store = place.open();
    fill(*store, loop);
  }
  EXPECT_THAT(check_store("", place.directory.path()).value(), IsEmpty());
  {
    auto database = std::move(SqliteConnection::open(place.directory.path() / "gogrid.db").value());
    database->run_script("DELETE FROM job_requests WHERE job_id = 101; DELETE FROM result_parts;").value();
  }
  EXPECT_THAT(check_store("", place.directory.path()).value(),
              ElementsAre("1 jobs have no request", HasSubstr("all parts"), HasSubstr("another length")));
}

TEST(Backup, ACheckFindsADamagedFile) {
  const Place place(false);
  Loop loop;
  {
    const auto store = place.open();
    fill(*store, loop);
  }
  {
    std::fstream database(place.directory.path() / "gogrid.db");
    database.seekp(40 * 4096);
    database << std::string(20 * 4096, 'x');
  }
  const auto findings = check_store("", place.directory.path());
  EXPECT_TRUE(!findings || !findings->empty());
}

}  // namespace
}  // namespace gogrid::store::test
