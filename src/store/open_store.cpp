#include "store/open_store.hpp"

#include "store/postgres/postgres_connection.hpp"
#include "store/sql/migrations.hpp"
#include "store/sql/sql_store.hpp"
#include "store/sqlite/sqlite_connection.hpp"
#include "store/where.hpp"

namespace gogrid::store {
namespace {

Result<std::unique_ptr<Store>> open_over(std::unique_ptr<Connection> connection, const std::string& name) {
  if (auto migrated = migrate(*connection); !migrated)
    return Error(migrated.error().code, name + ": " + migrated.error().detail);
  return make_sql_store(std::move(connection));
}

}  // namespace

Result<void> check_url(const std::string& where) {
  if (is_sqlite(where)) return {};
  if (const auto url = PostgresUrl::parse(where); !url) return url.error();
  return {};
}

std::string without_password(const std::string& where) {
  if (is_sqlite(where)) return where;
  const auto url = PostgresUrl::parse(where);
  return url ? url->without_secrets(where) : "…";
}

Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& path) {
  auto connection = SqliteConnection::open(path);
  if (!connection) return connection.error();
  return open_over(std::move(*connection), path.string());
}

Result<std::unique_ptr<Store>> open_store(const std::string& where, const std::filesystem::path& data_dir) {
  if (is_sqlite(where)) return open_sqlite_store(sqlite_file(data_dir));
  auto connection = PostgresConnection::open(where, PostgresConnection::Use::store);
  if (!connection) return connection.error();
  return open_over(std::move(*connection), "the store");
}

}  // namespace gogrid::store
