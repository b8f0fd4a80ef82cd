#include <limits>

#include "store/sql/batch_mapping.hpp"
#include "store/sql/job_mapping.hpp"
#include "store/sql/sql_store_impl.hpp"

namespace gogrid::store {
namespace {

// A list that begins with the newest is the list of what is before the end of time.
std::int64_t bound_of(std::int64_t before) { return before == 0 ? std::numeric_limits<std::int64_t>::max() : before; }

Result<BatchCounts> count(Connection& connection, domain::BatchId id) {
  // Both are in indexes of their own; that lines count from 1 leads SQLite to the right one.
  const auto all =
      read_number(connection.query("SELECT COUNT(*) FROM jobs WHERE batch = $1 AND batch IS NOT NULL", id.value()));
  if (!all) return all.error();
  auto rows = connection.query(
      "SELECT state, COUNT(*) FROM jobs WHERE batch = $1 AND batch IS NOT NULL AND finished_at IS NOT NULL "
      "AND batch_line > 0 GROUP BY state",
      id.value());
  if (!rows) return rows.error();
  BatchCounts counts;
  for (;;) {
    const auto more = rows->next();
    if (!more) return more.error();
    if (!*more) break;
    (rows->text(0) == "succeeded" ? counts.succeeded : counts.failed) += rows->integer(1);
  }
  counts.open = all->value_or(0) - counts.succeeded - counts.failed;
  return counts;
}

}  // namespace

Pending<> SqlStore::add_webhook(WebhookRecord webhook) {
  return run<void>([webhook = std::move(webhook)](Connection& connection) -> Result<void> {
    Changes changes;
    insert(changes, webhook);
    if (auto added = connection.change_all(changes); !added) return added.error();
    return {};
  });
}

Pending<std::vector<WebhookRecord>> SqlStore::list_webhooks(std::size_t limit) {
  return look<std::vector<WebhookRecord>>([limit](Connection& connection) {
    return read_all<WebhookRecord>(
        connection.query("SELECT sequence, id, key_id, url, payload, attempts, next_at FROM webhooks "
                         "ORDER BY next_at, sequence LIMIT $1",
                         limit));
  });
}

Pending<> SqlStore::postpone_webhook(std::int64_t sequence, unsigned attempts, SystemTime next_at) {
  return run<void>([sequence, attempts, next_at](Connection& connection) {
    return changed_one(connection.change("UPDATE webhooks SET attempts = $1, next_at = $2 WHERE sequence = $3",
                                         attempts, ms(next_at), sequence),
                       "webhook");
  });
}

Pending<> SqlStore::remove_webhook(std::int64_t sequence) {
  return run<void>([sequence](Connection& connection) {
    return changed_one(connection.change("DELETE FROM webhooks WHERE sequence = $1", sequence), "webhook");
  });
}

Pending<> SqlStore::add_file(FileRecord file) {
  return run<void>([file = std::move(file)](Connection& connection) { return insert(connection, file); });
}

Pending<std::optional<FileRecord>> SqlStore::find_file(FileId id) {
  return look<std::optional<FileRecord>>([id](Connection& connection) {
    return read_one<FileRecord>(connection.query("SELECT " GOGRID_FILE_COLUMNS "FROM files WHERE id = $1", id.value()));
  });
}

Pending<std::vector<FileRecord>> SqlStore::list_files(std::string key_id, std::string purpose, FileId before,
                                                      std::size_t limit) {
  return look<std::vector<FileRecord>>([key_id = std::move(key_id), purpose = std::move(purpose),
                                        bound = bound_of(before.value()), limit](Connection& connection) {
    if (key_id.empty()) {
      return read_all<FileRecord>(
          connection.query("SELECT " GOGRID_FILE_COLUMNS
                           "FROM files WHERE id < $1 AND ($2 = '' OR purpose = $2) ORDER BY id DESC LIMIT $3",
                           bound, purpose, limit));
    }
    return read_all<FileRecord>(connection.query(
        "SELECT " GOGRID_FILE_COLUMNS
        "FROM files WHERE key_id = $1 AND id < $2 AND ($3 = '' OR purpose = $3) ORDER BY id DESC LIMIT $4",
        key_id, bound, purpose, limit));
  });
}

Pending<std::vector<FileRecord>> SqlStore::list_expired_files(SystemTime now) {
  return look<std::vector<FileRecord>>([now](Connection& connection) {
    return read_all<FileRecord>(connection.query(
        "SELECT " GOGRID_FILE_COLUMNS "FROM files WHERE expires_at <= $1 AND expires_at IS NOT NULL ORDER BY id",
        ms(now)));
  });
}

Pending<> SqlStore::remove_file(FileId id) {
  return run<void>([id](Connection& connection) -> Result<void> {
    const auto removed = connection.change("DELETE FROM files WHERE id = $1", id.value());
    if (auto one = changed_one(removed, "file"); !one) return one;
    Changes changes;
    note_removed(changes, id.value());
    if (auto noted = connection.change_all(changes); !noted) return noted.error();
    return {};
  });
}

Pending<> SqlStore::put_batch(BatchRecord batch) {
  return run<void>([batch = std::move(batch)](Connection& connection) { return put(connection, batch); });
}

Pending<std::optional<BatchRecord>> SqlStore::find_batch(domain::BatchId id) {
  return look<std::optional<BatchRecord>>([id](Connection& connection) {
    return read_one<BatchRecord>(
        connection.query("SELECT " GOGRID_BATCH_COLUMNS "FROM batches WHERE id = $1", id.value()));
  });
}

Pending<std::vector<BatchRecord>> SqlStore::list_batches(std::string key_id, domain::BatchId before,
                                                         std::size_t limit) {
  return look<std::vector<BatchRecord>>(
      [key_id = std::move(key_id), bound = bound_of(before.value()), limit](Connection& connection) {
        if (key_id.empty()) {
          return read_all<BatchRecord>(connection.query(
              "SELECT " GOGRID_BATCH_COLUMNS "FROM batches WHERE id < $1 ORDER BY id DESC LIMIT $2", bound, limit));
        }
        return read_all<BatchRecord>(connection.query(
            "SELECT " GOGRID_BATCH_COLUMNS "FROM batches WHERE key_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            key_id, bound, limit));
      });
}

Pending<std::vector<BatchRecord>> SqlStore::list_open_batches() {
  return look<std::vector<BatchRecord>>([](Connection& connection) {
    return read_all<BatchRecord>(
        connection.query("SELECT " GOGRID_BATCH_COLUMNS "FROM batches WHERE " GOGRID_BATCH_IS_OPEN "ORDER BY id"));
  });
}

Pending<BatchCounts> SqlStore::count_batch(domain::BatchId id) {
  return look<BatchCounts>([id](Connection& connection) { return count(connection, id); });
}

Pending<std::vector<JobRecord>> SqlStore::list_batch_lines(domain::BatchId id, std::int64_t after, std::size_t limit) {
  return look<std::vector<JobRecord>>([id, after, limit](Connection& connection) {
    return read_all<JobRecord>(
        connection.query("SELECT " GOGRID_JOB_COLUMNS
                         "FROM jobs WHERE batch = $1 AND batch IS NOT NULL AND finished_at IS NOT NULL "
                         "AND batch_line > $2 ORDER BY batch_line LIMIT $3",
                         id.value(), after, limit));
  });
}

Pending<> SqlStore::add_usage(std::vector<UsageRecord> usage) {
  return run<void>([usage = std::move(usage)](Connection& connection) -> Result<void> {
    Changes changes;
    for (const UsageRecord& one : usage)
      add(changes, one);
    if (auto added = connection.change_all(changes); !added) return added.error();
    return {};
  });
}

Pending<std::vector<UsageRecord>> SqlStore::list_usage(std::int64_t from_day, std::int64_t to_day, std::string key_id) {
  return look<std::vector<UsageRecord>>([from_day, to_day, key_id = std::move(key_id)](Connection& connection) {
    return read_all<UsageRecord>(
        connection.query("SELECT day, key_id, model, requests, prompt_tokens, completion_tokens FROM usage "
                         "WHERE day >= $1 AND day <= $2 AND ($3 = '' OR key_id = $3) ORDER BY day, key_id, model",
                         from_day, to_day, key_id));
  });
}

Pending<> SqlStore::add_audit(AuditRecord act) {
  return run<void>([act = std::move(act)](Connection& connection) { return insert(connection, act); });
}

Pending<std::vector<AuditRecord>> SqlStore::list_audit(std::int64_t before, std::size_t limit) {
  return look<std::vector<AuditRecord>>([bound = bound_of(before), limit](Connection& connection) {
    return read_all<AuditRecord>(
        connection.query("SELECT sequence, at, actor, action, subject, detail FROM audit WHERE sequence < $1 "
                         "ORDER BY sequence DESC LIMIT $2",
                         bound, limit));
  });
}

}  // namespace gogrid::store
