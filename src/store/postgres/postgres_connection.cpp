#include "store/postgres/postgres_connection.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "base/log.hpp"
#include "store/postgres/text.hpp"

namespace gogrid::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A server that says nothing for so long is lost.
constexpr milliseconds answer_timeout(60'000);
constexpr milliseconds first_pause(100), longest_pause(2'000);
// "gogrid" in ASCII: what a coordinator locks in its database.
constexpr std::int64_t lock_number = 0x676f67726964;
constexpr int binary = 1;

// Of pg_type.dat.
enum TypeId : Oid { bytea_type = 17, int8_type = 20, text_type = 25, float8_type = 701, unspecified = 0 };

Oid type_of(const Parameter& parameter) {
  switch (parameter.kind()) {
    case Parameter::Kind::integer:
      return int8_type;
    case Parameter::Kind::real:
      return float8_type;
    case Parameter::Kind::text:
      return text_type;
    case Parameter::Kind::bytes:
      return bytea_type;
    case Parameter::Kind::null:
      break;
  }
  return unspecified;
}

// Network order is big-endian.
std::uint64_t swap_bytes(std::uint64_t number) {
  if constexpr (std::endian::native == std::endian::little) return __builtin_bswap64(number);
  return number;
}

// The parameters of one call in the form libpq wants.
class Encoded {
 public:
  explicit Encoded(std::span<const Parameter> parameters)
      : numbers_(parameters.size()), values_(parameters.size()), lengths_(parameters.size()) {
    texts_.reserve(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i)
      encode(i, parameters[i]);
  }
  int count() const { return static_cast<int>(values_.size()); }
  const char* const* values() const { return values_.data(); }
  const int* lengths() const { return lengths_.data(); }

 private:
  void encode(std::size_t i, const Parameter& parameter) {
    switch (parameter.kind()) {
      case Parameter::Kind::null:
        return;
      case Parameter::Kind::integer:
        set_number(i, static_cast<std::uint64_t>(parameter.integer()));
        return;
      case Parameter::Kind::real:
        set_number(i, std::bit_cast<std::uint64_t>(parameter.real()));
        return;
      case Parameter::Kind::text:
        if (auto other = to_postgres_text(parameter.text())) {
          set_text(i, texts_.emplace_back(std::move(*other)));
          return;
        }
        set_text(i, parameter.text());
        return;
      case Parameter::Kind::bytes:
        set_text(i, parameter.text());
        return;
    }
  }
  void set_number(std::size_t i, std::uint64_t number) {
    numbers_[i] = swap_bytes(number);
    values_[i] = reinterpret_cast<const char*>(&numbers_[i]);
    lengths_[i] = sizeof(number);
  }
  void set_text(std::size_t i, std::string_view text) {
    // A null pointer would be NULL.
    values_[i] = text.data() ? text.data() : "";
    lengths_[i] = static_cast<int>(text.size());
  }

  std::vector<std::uint64_t> numbers_;
  std::vector<std::string> texts_;
  std::vector<const char*> values_;
  std::vector<int> lengths_;
};

class PostgresCursor final : public Cursor {
 public:
  explicit PostgresCursor(PostgresAnswer answer) : answer_(std::move(answer)) {}

  Result<bool> next() override { return ++row_ < PQntuples(answer_.get()); }
  bool is_null(int column) const override { return PQgetisnull(answer_.get(), row_, column) != 0; }
  std::int64_t integer(int column) const override {
    if (is_null(column)) return 0;
    const std::string_view value = raw(column);
    // int8, int4, int2 and bool; the statements cast what would be numeric.
    assert(value.size() <= sizeof(std::int64_t) && std::has_single_bit(value.size()));
    std::uint64_t number = (value.front() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    for (const char byte : value)
      number = number << 8 | static_cast<unsigned char>(byte);
    return static_cast<std::int64_t>(number);
  }
  double real(int column) const override { return std::bit_cast<double>(integer(column)); }
  std::string text(int column) const override { return from_postgres_text(raw(column)); }
  std::string bytes(int column) const override { return std::string(raw(column)); }

 private:
  std::string_view raw(int column) const {
    return {PQgetvalue(answer_.get(), row_, column),
            static_cast<std::size_t>(PQgetlength(answer_.get(), row_, column))};
  }

  PostgresAnswer answer_;
  int row_ = -1;
};

// The SQLSTATE decides; its first two characters are its class.
ErrorCode code_of(std::string_view state) {
  const std::string_view group = state.substr(0, 2);
  if (state == "53100") return ErrorCode::disk_full;
  if (group == "23") return ErrorCode::conflict;
  if (group == "XX") return ErrorCode::internal;
  // Connection, resources, intervention, I/O errors, locks, serialization, read-only, passwords.
  for (const char* later : {"08", "53", "57", "58", "55", "40", "25", "28"})
    if (group == later) return ErrorCode::unavailable;
  return ErrorCode::internal;
}

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  for (char& byte : text)
    if (byte == '\n' || byte == '\t') byte = ' ';
  return text;
}

std::int64_t count_of(const pg_result* answer) {
  const char* count = PQcmdTuples(const_cast<pg_result*>(answer));
  return *count ? std::strtoll(count, nullptr, 10) : 0;
}

}  // namespace

void ClearPostgresAnswer::operator()(pg_result* answer) const { PQclear(answer); }
void PostgresConnection::CloseConnection::operator()(pg_conn* connection) const { PQfinish(connection); }

PostgresConnection::~PostgresConnection() = default;

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const std::string& url, Use use) {
  auto parsed = PostgresUrl::parse(url);
  if (!parsed) return parsed.error();
  std::unique_ptr<PostgresConnection> connection(new PostgresConnection(std::move(*parsed), use));
  if (auto connected = connection->connect(); !connected) return connected.error();
  return connection;
}

int PostgresConnection::process_id() const { return PQbackendPID(connection_.get()); }

bool PostgresConnection::lost() const { return !connection_ || PQstatus(connection_.get()) == CONNECTION_BAD; }

void PostgresConnection::drop() {
  connection_.reset();
  statements_.clear();
}

Error PostgresConnection::lose(std::string why) {
  if (why.empty() && connection_) why = one_line(PQerrorMessage(connection_.get()));
  drop();
  return Error(ErrorCode::unavailable, "the connection to the database was lost: " + url_.without_secrets(why));
}

Error PostgresConnection::fault(const pg_result* answer) {
  const char* state = answer ? PQresultErrorField(answer, PG_DIAG_SQLSTATE) : nullptr;
  if (lost() || !state) return lose();
  const ErrorCode code = code_of(state);
  const std::string message = PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY);
  if (code == ErrorCode::disk_full) return Error(code, "the database's disk is full: " + message);
  return Error(code, "the database: " + message);
}

Result<void> PostgresConnection::ensure_connected() {
  if (!lost()) return {};
  drop();
  if (steady_clock::now() < next_try_) return connect_fault_;
  auto connected = connect();
  if (connected) {
    pause_ = milliseconds(0);
    log().info("store: connected to the database again");
    return {};
  }
  drop();
  connect_fault_ = connected.error();
  // Whoever finds the database in use now only waits for our own lost session to end.
  connect_fault_.code = ErrorCode::unavailable;
  pause_ = std::min(std::max(first_pause, 2 * pause_), longest_pause);
  next_try_ = steady_clock::now() + pause_;
  return connect_fault_;
}

Result<void> PostgresConnection::connect() {
  // What stands before the URL can be set otherwise in it.
  const char* const keywords[] = {"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                                  "keepalives_count", "tcp_user_timeout", "application_name",
                                  "dbname",           "client_encoding",  nullptr};
  const char* const values[] = {"5",    "10",   "5", "3", "20000", "gogrid-coordinator", url_.text().c_str(),
                                "UTF8", nullptr};
  connection_.reset(PQconnectdbParams(keywords, values, 1));
  if (!connection_ || lost()) {
    const std::string why = connection_ ? one_line(PQerrorMessage(connection_.get())) : "out of memory";
    drop();
    return Error(ErrorCode::unavailable, "cannot connect to the database: " + url_.without_secrets(why));
  }
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  PQsetnonblocking(connection_.get(), 1);
  return set_up();
}

Result<void> PostgresConnection::set_up() {
  const char* encoding = PQparameterStatus(connection_.get(), "server_encoding");
  if (!encoding || std::strcmp(encoding, "UTF8") != 0) {
    return Error(ErrorCode::unsupported,
                 "the database is not in UTF-8: make it with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0");
  }
  // Every statement has its index; the planner's view of a table that was empty a moment ago is no better. The
  // server's own keep-alive frees the lock of a coordinator whose machine is gone.
  const auto set = run_plain(
      "SET enable_seqscan = off; SET jit = off; SET lock_timeout = '2s'; SET statement_timeout = 0; "
      "SET idle_in_transaction_session_timeout = 0; SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; "
      "SET tcp_keepalives_count = 3; "
      "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'");
  if (!set) return set.error();
  return use_ == Use::store ? take_database() : Result<void>();
}

Result<void> PostgresConnection::take_database() {
  auto locked = run_prepared_once("SELECT pg_advisory_lock($1)", std::span<const Parameter>({Parameter(lock_number)}));
  if (locked) return {};
  if (lost() || locked.error().code != ErrorCode::unavailable) return locked.error();
  return Error(ErrorCode::conflict, "another gogrid-coordinator uses this database: stop it first");
}

Result<void> PostgresConnection::wait() {
  const auto deadline = steady_clock::now() + answer_timeout;
  for (;;) {
    const int unsent = PQflush(connection_.get());
    if (unsent < 0) return lose();
    ::pollfd ready{PQsocket(connection_.get()), static_cast<short>(POLLIN | (unsent > 0 ? POLLOUT : 0)), 0};
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    const int count = left.count() > 0 ? ::poll(&ready, 1, static_cast<int>(left.count())) : 0;
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return lose("it does not answer");
    }
    if ((ready.revents & ~POLLOUT) == 0) continue;
    if (PQconsumeInput(connection_.get()) == 0) return lose();
    return {};
  }
}

Result<PostgresAnswer> PostgresConnection::next_answer() {
  while (PQflush(connection_.get()) == 1 || PQisBusy(connection_.get()) != 0) {
    if (auto waited = wait(); !waited) return waited.error();
  }
  return PostgresAnswer(PQgetResult(connection_.get()));
}

Result<PostgresAnswer> PostgresConnection::last_answer() {
  PostgresAnswer last;
  std::optional<Error> first_fault;
  for (;;) {
    auto answer = next_answer();
    if (!answer) return answer.error();
    if (!*answer) break;
    const auto status = PQresultStatus(answer->get());
    const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
    if (!good && !first_fault) first_fault = fault(answer->get());
    last = std::move(*answer);
  }
  if (first_fault) return *first_fault;
  if (!last) return lose();
  return last;
}

Result<PostgresAnswer> PostgresConnection::run_plain(const char* sql) {
  if (lost()) return lose();
  if (PQsendQuery(connection_.get(), sql) == 0) return lose();
  return last_answer();
}

Result<void> PostgresConnection::prepare(const char* sql, std::span<const Parameter> parameters) {
  if (statements_.contains(sql)) return {};
  const std::string name = "s" + std::to_string(statements_.size());
  std::vector<Oid> types(parameters.size());
  std::transform(parameters.begin(), parameters.end(), types.begin(), type_of);
  if (PQsendPrepare(connection_.get(), name.c_str(), sql, static_cast<int>(types.size()), types.data()) == 0)
    return lose();
  if (auto prepared = last_answer(); !prepared) return prepared.error();
  statements_.emplace(sql, name);
  return {};
}

Result<void> PostgresConnection::send(const char* sql, std::span<const Parameter> parameters) {
  const Encoded encoded(parameters);
  const std::vector<int> formats(parameters.size(), binary);
  if (PQsendQueryPrepared(connection_.get(), statements_.at(sql).c_str(), encoded.count(), encoded.values(),
                          encoded.lengths(), formats.data(), binary) == 0)
    return lose();
  return {};
}

Result<PostgresAnswer> PostgresConnection::run_prepared_once(const char* sql, std::span<const Parameter> parameters) {
  if (lost()) return lose();
  if (auto prepared = prepare(sql, parameters); !prepared) return prepared.error();
  if (auto sent = send(sql, parameters); !sent) return sent.error();
  return last_answer();
}

Result<PostgresAnswer> PostgresConnection::run_prepared(const char* sql, std::span<const Parameter> parameters) {
  if (in_transaction_) return run_prepared_once(sql, parameters);
  if (auto connected = ensure_connected(); !connected) return connected.error();
  auto answer = run_prepared_once(sql, parameters);
  if (answer || !lost()) return answer;
  if (auto connected = ensure_connected(); !connected) return connected.error();
  return run_prepared_once(sql, parameters);
}

Result<void> PostgresConnection::run_script(const std::string& sql) {
  if (!in_transaction_) {
    if (auto connected = ensure_connected(); !connected) return connected;
  }
  const auto run = run_plain(sql.c_str());
  if (!run) return run.error();
  return {};
}

Result<Rows> PostgresConnection::query_with(const char* sql, std::span<const Parameter> parameters) {
  auto answer = run_prepared(sql, parameters);
  if (!answer) return answer.error();
  return Rows(std::make_unique<PostgresCursor>(std::move(*answer)));
}

Result<std::int64_t> PostgresConnection::change_with(const char* sql, std::span<const Parameter> parameters) {
  const auto answer = run_prepared(sql, parameters);
  if (!answer) return answer.error();
  const std::int64_t count = count_of(answer->get());
  changed_ += count;
  return count;
}

Result<std::vector<std::int64_t>> PostgresConnection::change_all(const Changes& changes) {
  if (changes.size() == 0) return std::vector<std::int64_t>();
  if (lost()) return lose();
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (auto prepared = prepare(changes.sql(i), changes.parameters(i)); !prepared) return prepared.error();
  }
  if (PQenterPipelineMode(connection_.get()) == 0) return lose();
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (auto sent = send(changes.sql(i), changes.parameters(i)); !sent) return sent.error();
  }
  if (PQpipelineSync(connection_.get()) == 0) return lose();
  auto counts = read_pipeline(changes.size());
  if (!lost()) PQexitPipelineMode(connection_.get());
  return counts;
}

Result<std::vector<std::int64_t>> PostgresConnection::read_pipeline(std::size_t count) {
  std::vector<std::int64_t> counts;
  counts.reserve(count);
  std::optional<Error> first_fault;
  for (;;) {
    auto answer = next_answer();
    if (!answer) return answer.error();
    // Two in a row: there is nothing more to come.
    if (!*answer) {
      if (lost()) return lose();
      continue;
    }
    const auto status = PQresultStatus(answer->get());
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status == PGRES_FATAL_ERROR && !first_fault) first_fault = fault(answer->get());
    if (lost()) return first_fault ? *first_fault : lose();
    counts.push_back(count_of(answer->get()));
    changed_ += counts.back();
  }
  if (first_fault) return *first_fault;
  return counts;
}

Result<void> PostgresConnection::begin() {
  const char* sql = use_ == Use::store ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
  if (auto connected = ensure_connected(); !connected) return connected;
  auto begun = run_plain(sql);
  if (!begun && lost()) {
    // The connection may have been lost long ago; nothing has been done over it.
    if (auto connected = ensure_connected(); !connected) return connected;
    begun = run_plain(sql);
  }
  if (!begun) return begun.error();
  in_transaction_ = true;
  return {};
}

Result<void> PostgresConnection::commit() {
  const auto committed = run_plain("COMMIT");
  in_transaction_ = false;
  if (!committed) return committed.error();
  // What COMMIT of a failed transaction does.
  if (std::strcmp(PQcmdStatus(committed->get()), "ROLLBACK") == 0)
    return Error(ErrorCode::internal, "the database undid the transaction");
  return {};
}

void PostgresConnection::roll_back() {
  if (in_transaction_ && !lost()) (void)run_plain("ROLLBACK");
  in_transaction_ = false;
}

Connection::Transaction PostgresConnection::transaction() const {
  if (!in_transaction_ || lost()) return Transaction::none;
  switch (PQtransactionStatus(connection_.get())) {
    case PQTRANS_INTRANS:
      return Transaction::open;
    case PQTRANS_INERROR:
      return Transaction::failed;
    default:
      return Transaction::none;
  }
}

}  // namespace gogrid::store
