#include "store/sql/sql_store.hpp"

#include <utility>

#include "store/sql/labels.hpp"
#include "store/sql/row_mapping.hpp"
#include "store/sql/sql_store_impl.hpp"

namespace gogrid::store {
namespace {

// "desk", or the first of "desk-2", "desk-3"… that no other worker than `id` has.
Result<std::string> free_worker_name(Connection& connection, const std::string& wanted, const std::string& id) {
  for (int number = 1;; ++number) {
    const std::string name = number == 1 ? wanted : wanted + "-" + std::to_string(number);
    auto rows = connection.query("SELECT 1 FROM workers WHERE name = $1 AND id <> $2 AND revoked_at IS NULL", name, id);
    if (!rows) return rows.error();
    const auto taken = rows->next();
    if (!taken) return taken.error();
    if (!*taken) return name;
  }
}

// Whether the name is one that free_worker_name() makes of `host_name`.
bool is_named_after(std::string_view name, std::string_view host_name) {
  if (!name.starts_with(host_name)) return false;
  name.remove_prefix(host_name.size());
  if (name.empty()) return true;
  return name.size() > 1 && name.front() == '-' && name.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

// Nullopt when it has the name already.
Result<std::optional<WorkerRecord>> rename_worker(Connection& connection, const WorkerStore::Sighting& seen) {
  auto known = find<WorkerRecord>(connection, seen.id);
  if (!known) return known.error();
  std::optional<WorkerRecord> worker = std::move(*known);
  if (!worker || worker->revoked_at) return std::optional<WorkerRecord>();
  const bool has_its_name = is_named_after(worker->name, seen.host_name);
  if (worker->host_name == seen.host_name && (has_its_name || !seen.named_by_owner))
    return std::optional<WorkerRecord>();
  if (seen.named_by_owner || is_named_after(worker->name, worker->host_name)) {
    auto name = free_worker_name(connection, seen.host_name, seen.id);
    if (!name) return name.error();
    worker->name = std::move(*name);
  }
  worker->host_name = seen.host_name;
  const auto changes = connection.change("UPDATE workers SET name = $1, host_name = $2 WHERE id = $3", worker->name,
                                         worker->host_name, worker->id);
  if (!changes) return changes.error();
  return worker;
}

// The one statement that uses a token, so that it cannot be used once too often; the rest finds out why it was not.
Result<void> use_token(Connection& connection, const std::string& id, SystemTime now) {
  const auto used = connection.change(
      "UPDATE join_tokens SET uses_left = uses_left - 1 WHERE id = $1 AND uses_left > 0 AND expires_at > $2", id, now);
  if (!used) return used.error();
  if (*used == 1) return {};
  auto rows = connection.query("SELECT uses_left FROM join_tokens WHERE id = $1", id);
  if (!rows) return rows.error();
  const auto found = rows->next();
  if (!found) return found.error();
  if (!*found) return not_found("join token");
  return Error(ErrorCode::permission_denied,
               rows->integer(0) == 0 ? "this join token has been used" : "this join token has expired");
}

}  // namespace

Pending<> SqlStore::add_key(KeyRecord key) {
  return run<void>([key = std::move(key)](Connection& connection) { return insert(connection, key); });
}

Pending<std::vector<KeyRecord>> SqlStore::list_keys() { return look<std::vector<KeyRecord>>(select_all<KeyRecord>); }

Pending<> SqlStore::revoke_key(std::string id, SystemTime now) {
  return run<void>([id = std::move(id), now](Connection& connection) {
    return changed_one(
        connection.change("UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $1) WHERE id = $2", now, id), "key");
  });
}

Pending<> SqlStore::set_key_policy(std::string id, KeyPolicy policy) {
  return run<void>([id = std::move(id), policy = std::move(policy)](Connection& connection) {
    return changed_one(update(connection, id, policy), "key");
  });
}

Pending<> SqlStore::rename_key(std::string id, std::string name) {
  return run<void>([id = std::move(id), name = std::move(name)](Connection& connection) {
    return changed_one(connection.change("UPDATE api_keys SET name = $1 WHERE id = $2", name, id), "key");
  });
}

Pending<> SqlStore::note_key_uses(std::vector<LastUse> uses) {
  return run<void>([uses = std::move(uses)](Connection& connection) -> Result<void> {
    for (const LastUse& use : uses) {
      const auto changes = connection.change("UPDATE api_keys SET last_used_at = $1 WHERE id = $2", use.at, use.id);
      if (!changes) return changes.error();
    }
    return {};
  });
}

Pending<> SqlStore::add_token(TokenRecord token) {
  return run<void>([token = std::move(token)](Connection& connection) { return insert(connection, token); });
}

Pending<std::vector<TokenRecord>> SqlStore::list_tokens() {
  return look<std::vector<TokenRecord>>(select_all<TokenRecord>);
}

Pending<> SqlStore::remove_token(std::string id) {
  return run<void>([id = std::move(id)](Connection& connection) {
    return changed_one(connection.change("DELETE FROM join_tokens WHERE id = $1", id), "join token");
  });
}

Pending<std::optional<TokenRecord>> SqlStore::find_token(std::string id) {
  return look<std::optional<TokenRecord>>(
      [id = std::move(id)](Connection& connection) { return find<TokenRecord>(connection, id); });
}

Pending<WorkerRecord> SqlStore::enrol_worker(std::string token_id, SystemTime now, WorkerRecord worker) {
  return run<WorkerRecord>([token_id = std::move(token_id), now,
                            worker = std::move(worker)](Connection& connection) -> Result<WorkerRecord> {
    WorkerRecord stored = worker;
    if (auto used = use_token(connection, token_id, now); !used) return used.error();
    auto name = free_worker_name(connection, worker.name, worker.id);
    if (!name) return name.error();
    stored.name = std::move(*name);
    if (auto added = insert(connection, stored); !added) return added.error();
    return stored;
  });
}

Pending<std::vector<WorkerRecord>> SqlStore::list_workers() {
  return look<std::vector<WorkerRecord>>(select_all<WorkerRecord>);
}

Pending<> SqlStore::revoke_worker(std::string id, SystemTime now) {
  return run<void>([id = std::move(id), now](Connection& connection) {
    return changed_one(
        connection.change("UPDATE workers SET revoked_at = COALESCE(revoked_at, $1) WHERE id = $2", now, id), "worker");
  });
}

Pending<> SqlStore::set_worker_certificate(std::string id, std::string serial, SystemTime expires_at) {
  return run<void>(
      [id = std::move(id), serial = std::move(serial), expires_at](Connection& connection) -> Result<void> {
        const auto changes = connection.change(
            "UPDATE workers SET certificate_serial = $1, certificate_expires_at = $2 WHERE id = $3 AND revoked_at IS "
            "NULL",
            serial, expires_at, id);
        if (!changes) return changes.error();
        if (*changes == 1) return {};
        const auto known = find<WorkerRecord>(connection, id);
        if (!known) return known.error();
        if (!*known) return not_found("worker");
        return Error(ErrorCode::permission_denied, "this worker was revoked");
      });
}

Pending<std::vector<WorkerRecord>> SqlStore::note_workers_seen(std::vector<Sighting> sightings) {
  using Records = std::vector<WorkerRecord>;
  return run<Records>([sightings = std::move(sightings)](Connection& connection) -> Result<Records> {
    Records renamed;
    for (const Sighting& seen : sightings) {
      const auto changes =
          connection.change("UPDATE workers SET last_seen_at = $1, version = $2, target = $3 WHERE id = $4", seen.at,
                            seen.version, seen.target, seen.id);
      if (!changes) return changes.error();
      if (seen.host_name.empty()) continue;
      auto worker = rename_worker(connection, seen);
      if (!worker) return worker.error();
      if (*worker) renamed.push_back(std::move(**worker));
    }
    return renamed;
  });
}

Pending<> SqlStore::set_worker_labels(std::string id, std::map<std::string, std::string> labels) {
  return run<void>([id = std::move(id), labels = std::move(labels)](Connection& connection) {
    const std::string text = to_json_text(labels);
    return changed_one(connection.change("UPDATE workers SET labels = $1 WHERE id = $2", text, id), "worker");
  });
}

Pending<> SqlStore::put_engine(EngineRecord engine) {
  return run<void>([engine = std::move(engine)](Connection& connection) -> Result<void> {
    const auto removed = connection.change("DELETE FROM engines WHERE sha256 = $1", engine.bundle.sha256);
    if (!removed) return removed.error();
    return insert(connection, engine);
  });
}

Pending<std::vector<EngineRecord>> SqlStore::list_engines() {
  return look<std::vector<EngineRecord>>(select_all<EngineRecord>);
}

Pending<> SqlStore::remove_engine(std::string sha256) {
  return run<void>([sha256 = std::move(sha256)](Connection& connection) {
    return changed_one(connection.change("DELETE FROM engines WHERE sha256 = $1", sha256), "engine");
  });
}

Pending<> SqlStore::put_upload(UploadRecord upload) {
  return run<void>([upload = std::move(upload)](Connection& connection) -> Result<void> {
    const auto removed = connection.change("DELETE FROM uploads WHERE sha256 = $1", upload.sha256);
    if (!removed) return removed.error();
    return insert(connection, upload);
  });
}

Pending<std::vector<UploadRecord>> SqlStore::list_uploads() {
  return look<std::vector<UploadRecord>>(select_all<UploadRecord>);
}

Pending<> SqlStore::remove_upload(std::string sha256) {
  return run<void>([sha256 = std::move(sha256)](Connection& connection) {
    return changed_one(connection.change("DELETE FROM uploads WHERE sha256 = $1", sha256), "upload");
  });
}

std::unique_ptr<Store> make_sql_store(std::unique_ptr<Connection> connection) {
  return std::make_unique<SqlStore>(std::move(connection));
}

}  // namespace gogrid::store
