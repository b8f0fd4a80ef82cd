// Group commit: what shares a transaction, and what becomes of the others when one fails.
#include "store/sql/sql_thread.hpp"

#include <gtest/gtest.h>

#include <future>

#include "store/sql/reading.hpp"
#include "store/sqlite/sqlite_connection.hpp"
#include "store/store_test_support.hpp"

namespace gogrid::store {
namespace {

using namespace test;
using Function = std::function<Result<void>(Connection&)>;

class FunctionOf final : public Work {
 public:
  explicit FunctionOf(Function function) : function_(std::move(function)) {}
  Result<void> run(Connection& connection) override { return function_(connection); }

 private:
  Function function_;
};

// Holds the SQL thread up until everything is posted, so that all of it is one batch.
class SqlThreadTest : public testing::Test {
 protected:
  std::vector<Result<void>> run_batch(std::unique_ptr<Connection> database, std::vector<Function> works) {
    std::vector<std::future<Result<void>>> futures;
    std::promise<void> all_posted;
    {
      SqlThread thread(std::move(database));
      const auto wait = [posted = all_posted.get_future().share()](Connection&) -> Result<void> {
        posted.wait();
        return {};
      };
      thread.post(std::make_shared<FunctionOf>(wait), [](Result<void>) {});
      for (auto& work : works) {
        auto promise = std::make_shared<std::promise<Result<void>>>();
        futures.push_back(promise->get_future());
        thread.post(std::make_shared<FunctionOf>(std::move(work)),
                    [promise](Result<void> outcome) { promise->set_value(std::move(outcome)); });
      }
      all_posted.set_value();
    }
    std::vector<Result<void>> outcomes;
    outcomes.reserve(futures.size());
    for (auto& future : futures)
      outcomes.push_back(future.get());
    return outcomes;
  }
  std::unique_ptr<SqliteConnection> open() { return std::move(SqliteConnection::open(file).value()); }
  std::int64_t number(Connection& database, const char* sql) {
    return read_number(database.query(sql)).value().value();
  }

  TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "test.db";
};

Function insert_number(std::int64_t number) {
  return [number](Connection& database) -> Result<void> {
    const auto changes = database.change("INSERT INTO numbers VALUES ($1)", number);
    if (!changes) return changes.error();
    return {};
  };
}

TEST_F(SqlThreadTest, OneOperationsFailureUndoesItAlone) {
  auto database = open();
  ASSERT_TRUE(database->run_script("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"));
  const auto half = [](Connection& inner) -> Result<void> {
    if (auto done = insert_number(50)(inner); !done) return done;
    return Error(ErrorCode::conflict, "no");
  };
  const auto outcomes = run_batch(std::move(database), {insert_number(1), half, insert_number(1), insert_number(2)});
  EXPECT_TRUE(outcomes[0]);
  EXPECT_EQ(outcomes[1].error().code, ErrorCode::conflict);
  EXPECT_EQ(outcomes[2].error().code, ErrorCode::conflict);
  EXPECT_TRUE(outcomes[3]);
  const auto again = open();
  EXPECT_EQ(number(*again, "SELECT SUM(n) FROM numbers"), 3);
}

TEST_F(SqlThreadTest, NothingIsReportedStoredThatALostTransactionTookAlong) {
  auto database = open();
  ASSERT_TRUE(database->run_script("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"));
  const auto lose = [](Connection& inner) -> Result<void> {
    inner.roll_back();
    return Error(ErrorCode::resource_exhausted, "full");
  };
  const auto outcomes = run_batch(std::move(database), {insert_number(1), lose, insert_number(2)});
  EXPECT_EQ(outcomes[0].error().code, ErrorCode::resource_exhausted);
  EXPECT_EQ(outcomes[1].error().code, ErrorCode::resource_exhausted);
  EXPECT_TRUE(outcomes[2]);
  const auto again = open();
  EXPECT_EQ(number(*again, "SELECT SUM(n) FROM numbers"), 2);
}

TEST_F(SqlThreadTest, ManyOperationsShareFewTransactions) {
  auto database = open();
  ASSERT_TRUE(database->run_script("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"));
  std::vector<Function> works;
  for (std::int64_t i = 0; i < 1000; ++i)
    works.push_back(insert_number(i));
  for (const auto& outcome : run_batch(std::move(database), std::move(works)))
    EXPECT_TRUE(outcome);
  const auto again = open();
  EXPECT_EQ(number(*again, "SELECT COUNT(*) FROM numbers"), 1000);
}

}  // namespace
}  // namespace gogrid::store
