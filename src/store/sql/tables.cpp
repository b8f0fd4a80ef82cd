#include "store/sql/tables.hpp"

#include <deque>
#include <functional>

#include "store/sql/reading.hpp"

namespace gogrid::store {
namespace {

// What is written in one go: bounded by rows and by bytes.
constexpr std::size_t max_rows = 500;
constexpr std::size_t max_bytes = 4'000'000;

Parameter::Kind kind_of(std::string_view type) {
  if (type == "INTEGER") return Parameter::Kind::integer;
  if (type == "REAL") return Parameter::Kind::real;
  if (type == "BLOB") return Parameter::Kind::bytes;
  return Parameter::Kind::text;
}

Result<Table> describe(SqliteConnection& file, const std::string& name) {
  auto rows = file.query("SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid", name);
  if (!rows) return rows.error();
  Table table;
  table.name = name;
  std::string columns, values, order;
  int keys = 0;
  for (;;) {
    const auto more = rows->next();
    if (!more) return more.error();
    if (!*more) break;
    const std::string column = rows->text(0);
    table.kinds.push_back(kind_of(rows->text(1)));
    columns += (columns.empty() ? "" : ", ") + column;
    values += (values.empty() ? "$" : ", $") + std::to_string(table.kinds.size());
    if (rows->integer(2) == 0) continue;
    ++keys;
    order += (order.empty() ? "" : ", ") + column;
    if (column == "seq" || column == "sequence") table.counted_column = column;
  }
  table.select = "SELECT " + columns + " FROM " + name + " ORDER BY " + order;
  table.select_any = "SELECT 1 FROM " + name + " LIMIT 1";
  // Few, as a row can hold a body of many megabytes.
  table.fetch = "FETCH FORWARD 20 FROM rows_of_" + name;
  table.insert = "INSERT INTO " + name + " (" + columns + ") VALUES (" + values + ")";
  return table;
}

// Rows to write, with what they hold.
class RowWriter {
 public:
  void add(const Table& table, const Rows& row) {
    std::vector<Parameter> values;
    for (std::size_t i = 0; i < table.kinds.size(); ++i)
      values.push_back(value(row, static_cast<int>(i), table.kinds[i]));
    changes_.add_list(table.insert.c_str(), values);
  }
  bool is_enough() const { return changes_.size() >= max_rows || bytes_ >= max_bytes; }
  Result<void> write(Connection& to) {
    if (auto written = to.change_all(changes_); !written) return written.error();
    changes_ = {};
    texts_.clear();
    bytes_ = 0;
    return {};
  }

 private:
  Parameter value(const Rows& row, int column, Parameter::Kind kind) {
    if (row.is_null(column)) return std::nullopt;
    switch (kind) {
      case Parameter::Kind::integer:
        return row.integer(column);
      case Parameter::Kind::real:
        return row.real(column);
      case Parameter::Kind::bytes:
        return Bytes{keep(row.bytes(column))};
      case Parameter::Kind::text:
        return keep(row.text(column));
      case Parameter::Kind::null:
        break;
    }
    return std::nullopt;
  }
  const std::string& keep(std::string text) {
    bytes_ += text.size();
    return texts_.emplace_back(std::move(text));
  }

  Changes changes_;
  std::deque<std::string> texts_;
  std::size_t bytes_ = 0;
};

Result<bool> take_rows(Result<Rows> rows, const std::function<Result<void>(const Rows&)>& take) {
  if (!rows) return rows.error();
  for (bool any = false;; any = true) {
    const auto more = rows->next();
    if (!more) return more.error();
    if (!*more) return any;
    if (auto taken = take(*rows); !taken) return taken.error();
  }
}

}  // namespace

Result<std::vector<Table>> find_tables(SqliteConnection& file) {
  std::vector<std::string> names;
  {
    auto rows = file.query(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'schema_version' "
        "ORDER BY name");
    if (!rows) return rows.error();
    for (;;) {
      const auto more = rows->next();
      if (!more) return more.error();
      if (!*more) break;
      names.push_back(rows->text(0));
    }
  }
  std::vector<Table> tables;
  for (const std::string& name : names) {
    auto table = describe(file, name);
    if (!table) return table.error();
    tables.push_back(std::move(*table));
  }
  return tables;
}

Result<bool> all_empty(Connection& connection, const std::vector<Table>& tables) {
  for (const Table& table : tables) {
    auto rows = connection.query(table.select_any.c_str());
    if (!rows) return rows.error();
    const auto any = rows->next();
    if (!any) return any.error();
    if (*any) return false;
  }
  return true;
}

Result<void> for_each_row(Connection& connection, const Table& table,
                          const std::function<Result<void>(const Rows&)>& take) {
  if (connection.dialect() == Dialect::sqlite) {
    if (auto taken = take_rows(connection.query(table.select.c_str()), take); !taken) return taken.error();
    return {};
  }
  // libpq would hold the whole table in memory.
  const std::string cursor = "rows_of_" + table.name;
  if (auto opened = connection.run_script("DECLARE " + cursor + " NO SCROLL CURSOR FOR " + table.select); !opened)
    return opened;
  for (;;) {
    const auto any = take_rows(connection.query(table.fetch.c_str()), take);
    if (!any) return any.error();
    if (!*any) return connection.run_script("CLOSE " + cursor);
  }
}

Result<void> copy_rows(Connection& from, Connection& to, const std::vector<Table>& tables) {
  for (const Table& table : tables) {
    RowWriter writer;
    const auto take = [&](const Rows& row) -> Result<void> {
      writer.add(table, row);
      if (writer.is_enough()) return writer.write(to);
      return {};
    };
    if (auto copied = for_each_row(from, table, take); !copied) return copied;
    if (auto written = writer.write(to); !written) return written;
    if (to.dialect() == Dialect::sqlite || table.counted_column.empty()) continue;
    const std::string go_on = "SELECT setval(pg_get_serial_sequence('" + table.name + "', '" + table.counted_column +
                              "'), MAX(" + table.counted_column + ")) FROM " + table.name;
    if (auto set = to.run_script(go_on); !set) return set;
  }
  return {};
}

}  // namespace gogrid::store
