#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "store/sql/batch_mapping.hpp"
#include "store/sql/job_mapping.hpp"
#include "store/sql/job_works.hpp"
#include "store/sql/sql_store_impl.hpp"

namespace gogrid::store {
namespace {

// How many jobs one look at the database goes through at most, so that nobody waits long for a list of few among many.
constexpr std::size_t max_page = 512;

// What a list's own SQL does not look at: all but the key and the batch.
class JobMatch {
 public:
  explicit JobMatch(const JobFilter& filter) : filter_(filter) {}
  bool takes_all() const {
    return filter_.states.empty() && filter_.model.empty() && filter_.labels.empty() &&
           (filter_.key_id.empty() || filter_.batch.empty());
  }
  bool operator()(const JobRecord& job) const {
    const auto& states = filter_.states;
    return (filter_.key_id.empty() || job.key_id == filter_.key_id) &&
           (states.empty() || std::find(states.begin(), states.end(), job.state) != states.end()) &&
           (filter_.model.empty() || job.model == filter_.model) && has_labels(job);
  }

 private:
  bool has_labels(const JobRecord& job) const {
    if (filter_.labels.empty()) return true;
    const auto labels = nlohmann::json::parse(job.labels, nullptr, false);
    return std::all_of(filter_.labels.begin(), filter_.labels.end(), [&](const auto& wanted) {
      if (!labels.is_object()) return false;
      const auto found = labels.find(wanted.first);
      return found != labels.end() && *found == wanted.second;
    });
  }

  const JobFilter& filter_;
};

Result<std::vector<JobRecord>> newest_jobs(Connection& connection, const JobFilter& filter, std::int64_t before,
                                           std::size_t limit) {
  if (!filter.batch.empty()) {
    return read_all<JobRecord>(
        connection.query("SELECT " GOGRID_JOB_COLUMNS
                         "FROM jobs WHERE batch = $1 AND batch IS NOT NULL AND id < $2 ORDER BY id DESC LIMIT $3",
                         filter.batch.value(), before, limit));
  }
  if (!filter.key_id.empty()) {
    return read_all<JobRecord>(connection.query("SELECT " GOGRID_JOB_COLUMNS
                                                "FROM jobs WHERE key_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                                                filter.key_id, before, limit));
  }
  return read_all<JobRecord>(connection.query(
      "SELECT " GOGRID_JOB_COLUMNS "FROM jobs WHERE id < $1 ORDER BY id DESC LIMIT $2", before, limit));
}

Result<std::optional<JobRecord>> find(Connection& connection, domain::JobId id) {
  return read_one<JobRecord>(connection.query("SELECT " GOGRID_JOB_COLUMNS "FROM jobs WHERE id = $1", id.value()));
}

Result<std::string> read_bytes(Result<Rows> rows, std::string_view what) {
  if (!rows) return rows.error();
  const auto found = rows->next();
  if (!found) return found.error();
  if (!*found) return not_found(what);
  return rows->bytes(0);
}

void remove_children(Changes& changes, std::int64_t job) {
  changes.add("DELETE FROM job_attempts WHERE job_id = $1", job);
  changes.add("DELETE FROM result_parts WHERE job_id = $1", job);
}

Result<JobRecord> retry(Connection& connection, domain::JobId id, SystemTime now) {
  auto job = find(connection, id);
  if (!job) return job.error();
  if (!*job) return not_found("job");
  if (!domain::is_final((*job)->state) || (*job)->state == domain::JobState::succeeded) {
    return Error(ErrorCode::conflict, "the job is " + std::string(domain::to_string((*job)->state)) +
                                          ": only one that failed, expired or was cancelled can be tried again");
  }
  Changes changes;
  remove_children(changes, id.value());
  changes.add(
      "UPDATE jobs SET state = 'queued', attempts = 0, worker_id = '', leased_at = NULL, retry_at = NULL, "
      "finished_at = NULL, error_code = '', error_message = '', status = 0, content_type = '', result_bytes = 0, "
      "result_parts = 0, prompt_tokens = 0, completion_tokens = 0, "
      "deadline = CASE WHEN deadline > $1 THEN deadline END WHERE id = $2",
      ms(now), id.value());
  if (auto changed = connection.change_all(changes); !changed) return changed.error();
  job = find(connection, id);
  if (!job) return job.error();
  return std::move(**job);
}

Result<std::int64_t> remove_old(Connection& connection, SystemTime before, std::size_t limit) {
  std::vector<std::int64_t> ids;
  {
    auto rows = connection.query(
        "SELECT id FROM jobs WHERE finished_at < $1 AND finished_at IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM batches WHERE batches.id = jobs.batch AND " GOGRID_BATCH_IS_OPEN
        ") ORDER BY finished_at LIMIT $2",
        ms(before), limit);
    if (!rows) return rows.error();
    for (;;) {
      const auto more = rows->next();
      if (!more) return more.error();
      if (!*more) break;
      ids.push_back(rows->integer(0));
    }
  }
  if (ids.empty()) return std::int64_t{0};
  Changes changes;
  for (const std::int64_t id : ids) {
    remove_children(changes, id);
    changes.add("DELETE FROM job_requests WHERE job_id = $1", id);
    changes.add("DELETE FROM jobs WHERE id = $1", id);
  }
  note_removed(changes, *std::max_element(ids.begin(), ids.end()));
  if (auto removed = connection.change_all(changes); !removed) return removed.error();
  return static_cast<std::int64_t>(ids.size());
}

}  // namespace

Pending<std::vector<JobStore::Added>> SqlStore::add_jobs(std::vector<NewJob> jobs, std::optional<BatchRecord> batch) {
  return complete<std::vector<Added>, AddJobs>(std::make_shared<AddJobs>(std::move(jobs), std::move(batch)));
}

Pending<std::vector<bool>> SqlStore::change_jobs(std::vector<JobChange> changes) {
  return complete<std::vector<bool>, ChangeJobs>(std::make_shared<ChangeJobs>(std::move(changes)));
}

Pending<> SqlStore::put_result_part(domain::JobId job, domain::LeaseId lease, std::int64_t part, std::string bytes) {
  return run<void>([job, lease, part, bytes = std::move(bytes)](Connection& connection) -> Result<void> {
    const auto stored = connection.change(
        "INSERT INTO result_parts (job_id, part, lease, bytes) SELECT id, $1, lease, $2 FROM jobs "
        "WHERE id = $3 AND lease = $4 AND finished_at IS NULL "
        "ON CONFLICT (job_id, part) DO UPDATE SET lease = excluded.lease, bytes = excluded.bytes",
        part, Bytes{bytes}, job.value(), lease);
    if (!stored) return stored.error();
    if (*stored == 0) return Error(ErrorCode::conflict, "the lease is not the job's, or the job has ended");
    return {};
  });
}

Pending<std::optional<JobRecord>> SqlStore::find_job(domain::JobId id) {
  return look<std::optional<JobRecord>>([id](Connection& connection) { return find(connection, id); });
}

Pending<std::vector<JobRecord>> SqlStore::list_jobs(JobFilter filter, domain::JobId before, std::size_t limit) {
  const JobMatch match(filter);
  std::vector<JobRecord> found;
  std::int64_t bound = before.empty() ? std::numeric_limits<std::int64_t>::max() : before.value();
  while (found.size() < limit) {
    const std::size_t page = match.takes_all() ? std::min(limit - found.size(), max_page) : max_page;
    auto take_page = [&filter, bound, page](Connection& connection) {
      return newest_jobs(connection, filter, bound, page);
    };
    auto records = co_await look<std::vector<JobRecord>>(std::move(take_page));
    if (!records) co_return records.error();
    for (JobRecord& job : *records) {
      bound = job.id.value();
      if (match(job) && found.size() < limit) found.push_back(std::move(job));
    }
    if (records->size() < page) break;
  }
  co_return found;
}

Pending<std::vector<JobRecord>> SqlStore::list_open_jobs(domain::JobId after, std::size_t limit) {
  return look<std::vector<JobRecord>>([after, limit](Connection& connection) {
    return read_all<JobRecord>(connection.query("SELECT " GOGRID_JOB_COLUMNS
                                                "FROM jobs WHERE finished_at IS NULL AND id > $1 ORDER BY id LIMIT $2",
                                                after.value(), limit));
  });
}

Pending<std::string> SqlStore::job_request(domain::JobId id) {
  return look<std::string>([id](Connection& connection) {
    return read_bytes(connection.query("SELECT body FROM job_requests WHERE job_id = $1", id.value()), "job");
  });
}

Pending<std::string> SqlStore::result_part(domain::JobId id, std::int64_t part) {
  return look<std::string>([id, part](Connection& connection) {
    return read_bytes(
        connection.query("SELECT p.bytes FROM jobs j JOIN result_parts p ON p.job_id = j.id AND p.lease = j.lease "
                         "WHERE j.id = $1 AND p.part = $2 AND p.part < j.result_parts AND j.finished_at IS NOT NULL",
                         id.value(), part),
        "result");
  });
}

Pending<std::vector<AttemptRecord>> SqlStore::list_attempts(domain::JobId id) {
  return look<std::vector<AttemptRecord>>([id](Connection& connection) {
    return read_all<AttemptRecord>(
        connection.query("SELECT number, lease, worker_id, started_at, ended_at, outcome, reason FROM job_attempts "
                         "WHERE job_id = $1 ORDER BY number, lease",
                         id.value()));
  });
}

Pending<JobRecord> SqlStore::retry_job(domain::JobId id, SystemTime now) {
  return run<JobRecord>([id, now](Connection& connection) { return retry(connection, id, now); });
}

Pending<std::int64_t> SqlStore::remove_old_jobs(SystemTime before, std::size_t limit) {
  return run<std::int64_t>([before, limit](Connection& connection) { return remove_old(connection, before, limit); });
}

Pending<std::int64_t> SqlStore::next_epoch() {
  return run<std::int64_t>([](Connection& connection) -> Result<std::int64_t> {
    const auto counted = connection.change(
        "INSERT INTO numbers (name, value) VALUES ('epoch', 1) ON CONFLICT (name) DO UPDATE SET "
        "value = numbers.value + 1");
    if (!counted) return counted.error();
    const auto epoch = read_number(connection.query("SELECT value FROM numbers WHERE name = 'epoch'"));
    if (!epoch) return epoch.error();
    return epoch->value_or(0);
  });
}

Pending<std::int64_t> SqlStore::last_ordered_id() {
  return look<std::int64_t>([](Connection& connection) -> Result<std::int64_t> {
    std::int64_t last = 0;
    for (const char* sql : {"SELECT MAX(id) FROM jobs", "SELECT MAX(id) FROM batches", "SELECT MAX(id) FROM files",
                            "SELECT value FROM numbers WHERE name = 'last_id'"}) {
      const auto number = read_number(connection.query(sql));
      if (!number) return number.error();
      last = std::max(last, number->value_or(0));
    }
    return last;
  });
}

}  // namespace gogrid::store
