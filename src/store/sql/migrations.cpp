#include "store/sql/migrations.hpp"

#include "base/log.hpp"
#include "store/sql/reading.hpp"

namespace gogrid::store {
namespace {

Result<std::int64_t> read_version(Connection& connection) {
  const auto version = read_number(connection.query("SELECT MAX(version) FROM schema_version"));
  if (!version) return version.error();
  return version->value_or(0);
}

Result<std::int64_t> current_version(Connection& connection) {
  auto made = connection.run_script("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)");
  if (!made) return made.error();
  return read_version(connection);
}

Result<void> apply(Connection& connection, const Migration& step) {
  if (auto begun = connection.begin(); !begun) return begun;
  if (auto done = connection.run_script(step.sql); !done) return done;
  const auto noted =
      connection.change("INSERT INTO schema_version (version) VALUES ($1)", static_cast<std::int64_t>(step.version));
  if (!noted) return noted.error();
  return connection.commit();
}

}  // namespace

Result<void> migrate(Connection& connection, std::span<const Migration> steps) {
  const auto version = current_version(connection);
  if (!version) return version.error();
  const std::int64_t newest = steps.empty() ? 0 : steps.back().version;
  if (*version > newest) {
    return Error(ErrorCode::unsupported, "the database has version " + std::to_string(*version) +
                                             ", this program knows up to " + std::to_string(newest) +
                                             ": it was written by a newer gogrid-coordinator; install that one");
  }
  for (const Migration& step : steps) {
    if (step.version <= *version) continue;
    if (auto done = apply(connection, step); !done) {
      connection.roll_back();
      return Error(done.error().code, std::string(step.name) + ": " + done.error().detail);
    }
    log().debug("store: applied {}", step.name);
  }
  return {};
}

Result<void> has_newest_version(Connection& connection) {
  const auto version = read_version(connection);
  if (!version && version.error().code == ErrorCode::internal)
    return Error(ErrorCode::not_found, "it is not a GoGrid coordinator's store: " + version.error().detail);
  if (!version) return version.error();
  const std::int64_t newest = migrations(connection.dialect()).back().version;
  if (*version == newest) return {};
  return Error(ErrorCode::unsupported, "the store has version " + std::to_string(*version) + ", this program knows " +
                                           std::to_string(newest) + ": use the gogrid-coordinator that it belongs to");
}

Result<void> migrate(Connection& connection) { return migrate(connection, migrations(connection.dialect())); }

}  // namespace gogrid::store
