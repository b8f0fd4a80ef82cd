#include "store/backup.hpp"
#include "store/postgres/postgres_connection.hpp"
#include "store/sql/migrations.hpp"
#include "store/sql/reading.hpp"
#include "store/sqlite/sqlite_connection.hpp"
#include "store/where.hpp"

namespace gogrid::store {
namespace {

// Each counts what must not be there.
constexpr struct {
  const char* what;
  const char* count;
} rules[] = {
    {"jobs have no request",
     "SELECT COUNT(*) FROM jobs WHERE NOT EXISTS (SELECT 1 FROM job_requests WHERE job_id = jobs.id)"},
    {"requests have no job",
     "SELECT COUNT(*) FROM job_requests WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE id = job_id)"},
    {"attempts have no job",
     "SELECT COUNT(*) FROM job_attempts WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE id = job_id)"},
    {"parts of results have no job",
     "SELECT COUNT(*) FROM result_parts p WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE id = p.job_id)"},
    {"jobs are in no known state",
     "SELECT COUNT(*) FROM jobs WHERE state NOT IN "
     "('queued', 'leased', 'succeeded', 'failed', 'cancelled', 'expired')"},
    {"jobs have ended in their state or by their time, but not both",
     "SELECT COUNT(*) FROM jobs WHERE (state IN ('queued', 'leased')) <> (finished_at IS NULL)"},
    {"leased jobs have no lease", "SELECT COUNT(*) FROM jobs WHERE state = 'leased' AND lease = 0"},
    {"requests are not as long as their jobs say",
     "SELECT COUNT(*) FROM jobs JOIN job_requests ON job_id = id WHERE LENGTH(body) <> request_bytes"},
    {"ended jobs do not have all parts of their results",
     "SELECT COUNT(*) FROM jobs WHERE finished_at IS NOT NULL AND result_parts <> "
     "(SELECT COUNT(*) FROM result_parts p WHERE p.job_id = jobs.id AND p.lease = jobs.lease AND "
     "p.part < jobs.result_parts)"},
    {"ended jobs have results of another length than they say",
     "SELECT COUNT(*) FROM jobs WHERE finished_at IS NOT NULL AND result_bytes <> "
     "(SELECT COALESCE(SUM(LENGTH(p.bytes)), 0) FROM result_parts p WHERE p.job_id = jobs.id AND "
     "p.lease = jobs.lease AND p.part < jobs.result_parts)"},
    {"jobs are lines of a batch that is not there",
     "SELECT COUNT(*) FROM jobs WHERE batch IS NOT NULL AND NOT EXISTS "
     "(SELECT 1 FROM batches WHERE batches.id = jobs.batch)"},
    {"lines of batches are jobs more than once",
     "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE batch IS NOT NULL GROUP BY batch, batch_line "
     "HAVING COUNT(*) > 1) twice"},
    {"models have no file of weights",
     "SELECT COUNT(*) FROM models WHERE NOT EXISTS "
     "(SELECT 1 FROM model_files f WHERE f.model_id = models.id AND f.role = 'weights')"},
    {"files of models have no model",
     "SELECT COUNT(*) FROM model_files WHERE NOT EXISTS (SELECT 1 FROM models WHERE models.id = model_id)"},
    {"aliases point at nothing",
     "SELECT COUNT(*) FROM model_aliases a WHERE NOT EXISTS (SELECT 1 FROM models m WHERE m.name = a.target) AND "
     "NOT EXISTS (SELECT 1 FROM model_aliases b WHERE b.name = a.target)"},
    {"aliases have the name of a model",
     "SELECT COUNT(*) FROM model_aliases a WHERE EXISTS (SELECT 1 FROM models m WHERE m.name = a.name)"},
    {"batches have more jobs than lines they have fed",
     "SELECT COUNT(*) FROM batches WHERE fed_lines < (SELECT COUNT(*) FROM jobs WHERE batch = batches.id)"},
};

Result<void> apply_rules(Connection& connection, std::vector<std::string>& findings) {
  for (const auto& rule : rules) {
    const auto count = read_number(connection.query(rule.count));
    if (!count) return count.error();
    if (count->value_or(0) != 0) findings.push_back(std::to_string(count->value()) + " " + rule.what);
  }
  return {};
}

// What SQLite itself finds: damaged pages, indexes that do not fit their tables.
Result<void> check_pages(Connection& connection, std::vector<std::string>& findings) {
  auto rows = connection.query("PRAGMA integrity_check");
  if (!rows) return rows.error();
  for (;;) {
    const auto more = rows->next();
    if (!more) return more.error();
    if (!*more) return {};
    if (const std::string line = rows->text(0); line != "ok") findings.push_back("the file: " + line);
  }
}

Result<std::unique_ptr<Connection>> open_to_check(const std::string& where, const std::filesystem::path& data_dir) {
  if (is_sqlite(where)) {
    auto opened = SqliteConnection::open_to_read(sqlite_file(data_dir));
    if (!opened) return opened.error();
    return std::unique_ptr<Connection>(std::move(*opened));
  }
  auto opened = PostgresConnection::open(where, PostgresConnection::Use::read);
  if (!opened) return opened.error();
  return std::unique_ptr<Connection>(std::move(*opened));
}

}  // namespace

void read(const Rows& row, NamedBlob& blob) {
  blob.owner = row.text(0);
  blob.sha256 = row.text(1);
  blob.size_bytes = static_cast<std::uint64_t>(row.integer(2));
}

Result<std::vector<NamedBlob>> list_named_blobs(const std::string& where, const std::filesystem::path& data_dir) {
  auto connection = open_to_check(where, data_dir);
  if (!connection) return connection.error();
  const bool sqlite = (*connection)->dialect() == Dialect::sqlite;
  if (auto begun = sqlite ? (*connection)->run_script("BEGIN") : (*connection)->begin(); !begun) return begun.error();
  if (auto newest = has_newest_version(**connection); !newest) return newest.error();
  return read_all<NamedBlob>(
      (*connection)
          ->query(
              "SELECT 'model ' || m.name, f.sha256, f.size_bytes FROM models m JOIN model_files f ON f.model_id = m.id "
              "UNION ALL SELECT 'engine ' || name, sha256, size_bytes FROM engines ORDER BY 1, 2"));
}

Result<std::vector<std::string>> check_store(const std::string& where, const std::filesystem::path& data_dir) {
  auto connection = open_to_check(where, data_dir);
  if (!connection) return connection.error();
  std::vector<std::string> findings;
  if (is_sqlite(where)) {
    if (auto checked = check_pages(**connection, findings); !checked) return checked.error();
    // Nothing else can be said of a damaged file.
    if (!findings.empty()) return findings;
  }
  // One moment for all rules.
  const bool sqlite = (*connection)->dialect() == Dialect::sqlite;
  if (auto begun = sqlite ? (*connection)->run_script("BEGIN") : (*connection)->begin(); !begun) return begun.error();
  if (auto newest = has_newest_version(**connection); !newest) return newest.error();
  if (auto applied = apply_rules(**connection, findings); !applied) return applied.error();
  (*connection)->roll_back();
  return findings;
}

}  // namespace gogrid::store
