// What is PostgreSQL's own: connections that are lost at every moment, who may use a database, passwords.
#include <boost/asio/co_spawn.hpp>
#include <future>
#include <thread>

#include "store/postgres/postgres_connection.hpp"
#include "store/postgres/postgres_test_support.hpp"
#include "store/sql/migrations.hpp"
#include "store/sql/reading.hpp"
#include "store/store_contract_test_support.hpp"

namespace gogrid::store::test {
namespace {

namespace asio = boost::asio;
using domain::JobId;
using testing::HasSubstr;
using testing::Not;

class PostgresStoreTest : public testing::Test {
 protected:
  PostgresStoreTest() { reopen(); }
  void reopen() {
    store.reset();
    store = std::move(open_store(url, {}).value());
  }
  // Ends the store's own connection, as its server could.
  void cut_connection() {
    run_sql(url,
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()");
  }
  Result<void> add_key(const std::string& id) { return loop.run(store->add_key(key_record(id))); }
  std::size_t keys() { return loop.run(store->list_keys()).value().size(); }

  const std::string url = PostgresServer::shared().make_database();
  std::unique_ptr<Store> store;
  Loop loop;
};

TEST_F(PostgresStoreTest, AnIdleConnectionThatWasLostIsMadeAgainUnnoticed) {
  add_key("k1").value();
  cut_connection();
  add_key("k2").value();
  cut_connection();
  EXPECT_EQ(keys(), 2u);
}

TEST_F(PostgresStoreTest, WithoutTheServerEverythingIsUnavailableAndThenGoesOnByItself) {
  PostgresServer server;
  const std::string its_url = server.make_database();
  store = std::move(open_store(its_url, {}).value());
  add_key("k1").value();
  server.kill();
  EXPECT_EQ(add_key("k2").error().code, ErrorCode::unavailable);
  EXPECT_EQ(loop.run(store->list_keys()).error().code, ErrorCode::unavailable);
  // Nobody waits for a try that has just failed.
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(add_key("k2").error().code, ErrorCode::unavailable);
  server.start();
  Result<void> added = add_key("k3");
  while (!added) {
    EXPECT_EQ(added.error().code, ErrorCode::unavailable) << added.error().detail;
    added = add_key("k3");
  }
  EXPECT_EQ(keys(), 2u);
  store.reset();
}

// Makes the next change of api_keys sleep, at once or in COMMIT.
void make_sleepy(const std::string& url, bool in_commit) {
  run_sql(url, std::string("CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                           "PERFORM pg_sleep(600); RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER doze AFTER INSERT "
                           "ON api_keys ") +
                   (in_commit ? "DEFERRABLE INITIALLY DEFERRED" : "") + " FOR EACH ROW EXECUTE FUNCTION doze()");
}

void wake_by_ending(const std::string& url) {
  while (run_sql(url,
                 "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND "
                 "datname = current_database()") != "t")
    std::this_thread::yield();
  run_sql(url, "DROP FUNCTION doze CASCADE");
}

class PostgresLostTest : public PostgresStoreTest, public testing::WithParamInterface<bool> {};

TEST_P(PostgresLostTest, AConnectionLostInTheMiddleIsAnErrorAndTheSameCanBeTriedAgain) {
  make_sleepy(url, GetParam());
  // Shares its transaction with the key.
  auto lost_job = std::async(std::launch::async, [this] {
    Loop its_loop;
    Result<std::vector<JobStore::Added>> added = Error();
    Result<void> key;
    asio::co_spawn(its_loop.context(), store->add_key(key_record("k1")),
                   [&](std::exception_ptr, Result<void> result) { key = std::move(result); });
    asio::co_spawn(its_loop.context(), store->add_jobs(jobs_of({new_job(1)})),
                   [&](std::exception_ptr, Result<std::vector<JobStore::Added>> result) { added = std::move(result); });
    its_loop.context().run();
    return std::pair(key, added);
  });
  wake_by_ending(url);
  const auto [key, job] = lost_job.get();
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(job || job.error().code == ErrorCode::unavailable);
  add_key("k1").value();
  EXPECT_TRUE(loop.run(store->add_jobs(jobs_of({new_job(1)}))).value().at(0).is_new);
  EXPECT_EQ(keys(), 1u);
  EXPECT_EQ(loop.run(store->list_jobs({}, {}, 10)).value().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Postgres, PostgresLostTest, testing::Bool(),
                         [](const auto& moment) { return moment.param ? "InCommit" : "InAStatement"; });

TEST_F(PostgresStoreTest, ManyCallersSurviveConnectionsThatAreCutAllTheTime) {
  constexpr std::int64_t callers = 20, jobs_each = 20;
  int done = 0;
  const auto submit = [&](std::int64_t id) -> asio::awaitable<void> {
    for (bool is_there = false; !is_there;) {
      std::vector<NewJob> one;
      one.push_back(new_job(id));
      const auto added = co_await store->add_jobs(std::move(one));
      is_there = added.has_value();
      EXPECT_TRUE(added || added.error().code == ErrorCode::unavailable) << added.error().detail;
    }
  };
  const auto call = [&](std::int64_t caller) -> asio::awaitable<void> {
    for (std::int64_t i = 1; i <= jobs_each; ++i)
      co_await submit(caller * jobs_each + i);
    ++done;
  };
  for (std::int64_t caller = 0; caller < callers; ++caller)
    asio::co_spawn(loop.context(), call(caller), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
    });
  std::atomic<bool> over = false;
  std::thread cutter([&] {
    for (int i = 0; i < 30 && !over; ++i)
      cut_connection();
  });
  loop.context().restart();
  loop.context().run();
  over = true;
  cutter.join();
  EXPECT_EQ(done, callers);
  EXPECT_EQ(loop.run(store->list_open_jobs({}, 1000)).value().size(), static_cast<std::size_t>(callers * jobs_each));
}

TEST_F(PostgresStoreTest, AReadOnlyDatabaseIsUnavailableUntilItIsNot) {
  const std::string name = run_sql(url, "SELECT current_database()");
  add_key("k1").value();
  run_sql(url, "ALTER DATABASE " + name + " SET default_transaction_read_only = on");
  cut_connection();
  EXPECT_EQ(add_key("k2").error().code, ErrorCode::unavailable);
  EXPECT_EQ(keys(), 1u);
  run_sql(PostgresServer::shared().url("postgres"), "ALTER DATABASE " + name + " RESET default_transaction_read_only");
  cut_connection();
  add_key("k2").value();
}

TEST_F(PostgresStoreTest, ADatabaseHasOneCoordinator) {
  const auto second = open_store(url, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_THAT(second.error().detail, HasSubstr("another gogrid-coordinator"));
  store.reset();
  EXPECT_TRUE(open_store(url, {}));
}

TEST_F(PostgresStoreTest, TheAuditLogCannotBeRewritten) {
  AuditRecord act;
  act.subject = "s";
  loop.run(store->add_audit(act)).value();
  for (const char* sql : {"UPDATE audit SET subject = 'x'", "DELETE FROM audit", "TRUNCATE audit"})
    EXPECT_THROW(run_sql(url, sql), std::runtime_error) << sql;
  EXPECT_EQ(loop.run(store->list_audit(0, 10)).value().at(0).subject, "s");
}

TEST_F(PostgresStoreTest, MigrationsAreThoseOfSqlite) {
  const auto here = migrations(Dialect::postgres), there = migrations(Dialect::sqlite);
  ASSERT_EQ(here.size(), there.size());
  for (std::size_t i = 0; i < here.size(); ++i) {
    EXPECT_EQ(here[i].version, there[i].version);
    EXPECT_STREQ(here[i].name, there[i].name);
  }
}

TEST(PostgresMigrations, ADatabaseOfEveryReleasedVersionKeepsItsRows) {
  const auto all = migrations(Dialect::postgres);
  for (std::size_t released = 1; released < all.size(); ++released) {
    const std::string url = PostgresServer::shared().make_database();
    {
      auto old = std::move(PostgresConnection::open(url, PostgresConnection::Use::store).value());
      ASSERT_TRUE(migrate(*old, all.first(released)));
      old->run_script(
             "INSERT INTO api_keys (id, secret_sha256, name, scopes, created_at) "
             "VALUES ('k', 's', 'n', 'admin', 7);"
             "INSERT INTO models (id, name, kind, sha256, size_bytes, context_tokens, slots, title, architecture, "
             "quantization, parameters, layers, embedding_length, trained_context_tokens, has_chat_template, "
             "created_at) VALUES ('mdl_1', 'm', 'chat', 'abc', 77, 512, 2, 't', 'llama', 'F16', 5, 3, 64, 1024, 1, 7)")
          .value();
      if (released >= version_of_model_files) old->run_script(old_model_file).value();
    }
    Loop loop;
    const auto store = open_store(url, {});
    ASSERT_TRUE(store) << store.error().detail;
    const auto keys = loop.run((*store)->list_keys()).value();
    ASSERT_EQ(keys.size(), 1u);
    EXPECT_EQ(keys[0].name, "n");
    EXPECT_EQ(keys[0].policy, KeyPolicy());
    expect_old_model(loop.run((*store)->list_models()).value());
  }
}

TEST(PostgresMigrations, AMigrationThatFailsChangesNothing) {
  const std::string url = PostgresServer::shared().make_database();
  auto database = std::move(PostgresConnection::open(url, PostgresConnection::Use::store).value());
  const Migration steps[] = {{1, "0001", "CREATE TABLE a (x BIGINT)"},
                             {2, "0002_bad", "CREATE TABLE b (x BIGINT); CREATE TABLE a (x BIGINT)"}};
  const auto migrated = migrate(*database, steps);
  ASSERT_FALSE(migrated);
  EXPECT_THAT(migrated.error().detail, HasSubstr("0002_bad"));
  EXPECT_EQ(read_number(database->query("SELECT COUNT(*) FROM pg_tables WHERE tablename = 'b'")).value(), 0);
  EXPECT_EQ(read_number(database->query("SELECT MAX(version) FROM schema_version")).value(), 1);
}

TEST(PostgresUrl, NoErrorRepeatsThePassword) {
  for (const char* url :
       {"postgresql://user:hunter2secret@127.0.0.1:1/db", "postgresql://user:hunter2secret@127.0.0.1:port/db",
        "postgresql://user:hunter2secret@nowhere.invalid/db?connect_timeout=2",
        "postgresql://user:pa@hunter2secret@127.0.0.1:1/db", "postgresql://user:a/hunter2secret@127.0.0.1:1/db",
        "postgresql://127.0.0.1:1/db?user=u&password=hunter2secret", "postgresql://u:hunter2secret@[::1/db",
        "mysql://user:hunter2secret@host/db", "postgresql://user:hunter2secret@127.0.0.1:1/db?nonsense=1"}) {
    const auto opened = open_store(url, {});
    ASSERT_FALSE(opened) << url;
    EXPECT_THAT(opened.error().detail, Not(HasSubstr("hunter2"))) << url;
  }
}

TEST(PostgresUrl, ADatabaseThatIsNotInUtf8IsRefusedWithTheWayOut) {
  PostgresServer& server = PostgresServer::shared();
  run_sql(server.url("postgres"),
          "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
  const auto opened = open_store(server.url("latin"), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unsupported);
  EXPECT_THAT(opened.error().detail, HasSubstr("UTF8"));
}

}  // namespace
}  // namespace gogrid::store::test
