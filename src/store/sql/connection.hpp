// What the SQL store asks of a database: statements with values, transactions, errors as values. SqliteConnection and
// PostgresConnection are this. One thread at a time.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace gogrid::store {

enum class Dialect { sqlite, postgres };

struct Bytes {
  std::string_view data;
};

// A value for a "$1" of a statement. Texts and bytes are not copied: they live until the statement has run.
class Parameter {
 public:
  enum class Kind { null, integer, real, text, bytes };

  // What is too large for a database's integers is the largest one.
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool>) Parameter(Integer value)
      : kind_(Kind::integer),
        integer_(std::in_range<std::int64_t>(value) ? static_cast<std::int64_t>(value)
                                                    : std::numeric_limits<std::int64_t>::max()) {}
  Parameter(double value) : kind_(Kind::real), real_(value) {}
  Parameter(std::string_view text) : kind_(Kind::text), text_(text) {}
  Parameter(const std::string& text) : kind_(Kind::text), text_(text) {}
  Parameter(const char* text) : kind_(Kind::text), text_(text) {}
  Parameter(Bytes bytes) : kind_(Kind::bytes), text_(bytes.data) {}
  Parameter(SystemTime time) : Parameter(to_unix_seconds(time)) {}
  Parameter(std::nullopt_t) : kind_(Kind::null) {}
  template <class Value>
  Parameter(const std::optional<Value>& value) : Parameter(value ? Parameter(*value) : Parameter(std::nullopt)) {}

  Kind kind() const { return kind_; }
  std::int64_t integer() const { return integer_; }
  double real() const { return real_; }
  // Of a text or of bytes.
  std::string_view text() const { return text_; }

 private:
  Kind kind_;
  union {
    std::int64_t integer_ = 0;
    double real_;
  };
  std::string_view text_;
};

// The rows of a query, one at a time, as a database gives them.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual Result<bool> next() = 0;
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;
  virtual std::string text(int column) const = 0;
  virtual std::string bytes(int column) const = 0;
};

// At most one at a time for each SQL text; it gives its statement back when it is destroyed.
class Rows {
 public:
  explicit Rows(std::unique_ptr<Cursor> cursor) : cursor_(std::move(cursor)) {}

  // False after the last row.
  Result<bool> next() { return cursor_->next(); }

  bool is_null(int column) const { return cursor_->is_null(column); }
  std::int64_t integer(int column) const { return cursor_->integer(column); }
  double real(int column) const { return cursor_->real(column); }
  std::string text(int column) const { return cursor_->text(column); }
  std::string bytes(int column) const { return cursor_->bytes(column); }
  // Of a column of seconds.
  SystemTime time(int column) const { return from_unix_seconds(integer(column)); }
  std::optional<SystemTime> optional_time(int column) const {
    if (is_null(column)) return std::nullopt;
    return time(column);
  }

 private:
  std::unique_ptr<Cursor> cursor_;
};

// Statements that change rows, to go to the database together.
class Changes {
 public:
  // `sql` as for Connection::query(). The texts live until the changes have been made.
  template <class... Values>
  void add(const char* sql, Values&&... values) {
    static_assert((!std::is_same_v<Values, std::string> && ...), "a temporary string would not live long enough");
    calls_.push_back({sql, parameters_.size(), sizeof...(values)});
    (parameters_.emplace_back(values), ...);
  }
  void add_list(const char* sql, std::span<const Parameter> values) {
    calls_.push_back({sql, parameters_.size(), values.size()});
    parameters_.insert(parameters_.end(), values.begin(), values.end());
  }
  std::size_t size() const { return calls_.size(); }
  const char* sql(std::size_t index) const { return calls_[index].sql; }
  std::span<const Parameter> parameters(std::size_t index) const {
    return std::span(parameters_).subspan(calls_[index].first, calls_[index].count);
  }

 private:
  struct Call {
    const char* sql;
    std::size_t first;
    std::size_t count;
  };
  std::vector<Call> calls_;
  std::vector<Parameter> parameters_;
};

class Connection {
 public:
  virtual ~Connection() = default;
  virtual Dialect dialect() const = 0;

  // Several statements without parameters.
  virtual Result<void> run_script(const std::string& sql) = 0;
  // `sql` must be a string literal: its statement is kept by its address. Its placeholders are $1, $2, … and appear
  // for the first time in this order.
  template <class... Values>
  Result<Rows> query(const char* sql, const Values&... values) {
    const Parameter parameters[] = {Parameter(values)..., Parameter(std::nullopt)};
    return query_with(sql, std::span(parameters).first(sizeof...(values)));
  }
  // For statements without rows: how many rows were changed.
  template <class... Values>
  Result<std::int64_t> change(const char* sql, const Values&... values) {
    const Parameter parameters[] = {Parameter(values)..., Parameter(std::nullopt)};
    return change_with(sql, std::span(parameters).first(sizeof...(values)));
  }
  virtual Result<Rows> query_with(const char* sql, std::span<const Parameter> parameters) = 0;
  virtual Result<std::int64_t> change_with(const char* sql, std::span<const Parameter> parameters) = 0;
  // In order, in as few exchanges with the database as it allows: how many rows each changed. Those after one that
  // fails are not made.
  virtual Result<std::vector<std::int64_t>> change_all(const Changes& changes) = 0;

  // To write; connects again if the connection was lost. What fails between begin() and commit() is never tried again
  // by the connection itself.
  virtual Result<void> begin() = 0;
  // After an error nothing may be taken for stored, nor for not stored.
  virtual Result<void> commit() = 0;
  virtual void roll_back() = 0;
  enum class Transaction {
    none,    // none was begun, or the database has given it up (disk full, connection lost)
    open,    //
    failed,  // it can only be rolled back
  };
  virtual Transaction transaction() const = 0;
  // Rows changed so far; says whether a failed operation has left something behind.
  virtual std::int64_t changed() const = 0;
  // Called when nobody waits for the transaction that has just ended.
  virtual void tidy() {}
};

}  // namespace gogrid::store
