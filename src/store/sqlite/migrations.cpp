#include "store/sqlite/migrations.hpp"

#include "base/log.hpp"
#include "store/sqlite/database.hpp"

namespace gogrid::store {
namespace {

Result<std::int64_t> current_version(Database& database) {
  auto made = database.run_script("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT");
  if (!made) return made.error();
  auto rows = database.query("SELECT COALESCE(MAX(version), 0) FROM schema_version");
  if (!rows) return rows.error();
  if (auto found = rows->next(); !found) return found.error();
  return rows->integer(0);
}

}  // namespace

Result<void> migrate(Database& database, std::span<const Migration> steps) {
  const auto version = current_version(database);
  if (!version) return version.error();
  const std::int64_t newest = steps.empty() ? 0 : steps.back().version;
  if (*version > newest) {
    return Error(ErrorCode::unsupported, "the database has version " + std::to_string(*version) +
                                             ", this program knows up to " + std::to_string(newest) +
                                             ": it was written by a newer gogrid-coordinator; install that one");
  }
  for (const Migration& step : steps) {
    if (step.version <= *version) continue;
    auto done = database.run_script("BEGIN IMMEDIATE");
    if (done) done = database.run_script(step.sql);
    if (done) {
      auto noted = database.change("INSERT INTO schema_version (version) VALUES (?)", std::int64_t{step.version});
      done = noted ? database.run_script("COMMIT") : Result<void>(noted.error());
    }
    if (!done) {
      database.roll_back();
      return Error(done.error().code, std::string(step.name) + ": " + done.error().detail);
    }
    log().debug("store: applied {}", step.name);
  }
  return {};
}

}  // namespace gogrid::store
