// A connection to a PostgreSQL database by libpq: prepared statements, binary values, many changes in one pipeline. It
// connects again by itself after it was lost. One thread at a time.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>

#include "store/postgres/url.hpp"
#include "store/sql/connection.hpp"

struct pg_conn;
struct pg_result;

namespace gogrid::store {

struct ClearPostgresAnswer {
  void operator()(pg_result* answer) const;
};
using PostgresAnswer = std::unique_ptr<pg_result, ClearPostgresAnswer>;

class PostgresConnection final : public Connection {
 public:
  enum class Use {
    store,  // the only one of its kind: two coordinators cannot have one database
    read,   // reads beside it
  };
  // Needs a database in UTF-8. conflict when it is in use.
  static Result<std::unique_ptr<PostgresConnection>> open(const std::string& url, Use use);
  ~PostgresConnection() override;
  PostgresConnection(PostgresConnection&&) = delete;

  Dialect dialect() const override { return Dialect::postgres; }
  Result<void> run_script(const std::string& sql) override;
  Result<Rows> query_with(const char* sql, std::span<const Parameter> parameters) override;
  Result<std::int64_t> change_with(const char* sql, std::span<const Parameter> parameters) override;
  Result<std::vector<std::int64_t>> change_all(const Changes& changes) override;
  Result<void> begin() override;
  Result<void> commit() override;
  void roll_back() override;
  Transaction transaction() const override;
  std::int64_t changed() const override { return changed_; }

  // Of the server's process that serves it.
  int process_id() const;

 private:
  struct CloseConnection {
    void operator()(pg_conn* connection) const;
  };

  PostgresConnection(PostgresUrl url, Use use) : url_(std::move(url)), use_(use) {}
  // Connects if it is not connected; unavailable without a try for a while after one that failed.
  Result<void> ensure_connected();
  Result<void> connect();
  Result<void> set_up();
  Result<void> take_database();
  bool lost() const;
  void drop();

  Error fault(const pg_result* answer);
  // Gives the connection up; without a reason libpq's stands in the error.
  Error lose(std::string why = {});
  // Sends what is left to send and waits for something to read.
  Result<void> wait();
  // The next answer; nullptr ends those of one statement.
  Result<PostgresAnswer> next_answer();
  // The last answer to what was sent, or the first error among them.
  Result<PostgresAnswer> last_answer();
  Result<PostgresAnswer> run_plain(const char* sql);
  // Outside a transaction it is tried again over a new connection when the old one turns out to be lost.
  Result<PostgresAnswer> run_prepared(const char* sql, std::span<const Parameter> parameters);
  Result<PostgresAnswer> run_prepared_once(const char* sql, std::span<const Parameter> parameters);
  Result<void> prepare(const char* sql, std::span<const Parameter> parameters);
  Result<void> send(const char* sql, std::span<const Parameter> parameters);
  Result<std::vector<std::int64_t>> read_pipeline(std::size_t count);

  const PostgresUrl url_;
  const Use use_;
  std::unique_ptr<pg_conn, CloseConnection> connection_;
  // Names of prepared statements by the address of their text.
  std::unordered_map<const char*, std::string> statements_;
  bool in_transaction_ = false;
  std::int64_t changed_ = 0;
  // What failed last to connect, and when the next try is allowed.
  Error connect_fault_;
  std::chrono::steady_clock::time_point next_try_{};
  std::chrono::milliseconds pause_{0};
};

}  // namespace gogrid::store
