#include "store/sqlite/sqlite_store.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "store/sqlite/database.hpp"
#include "store/sqlite/migrations.hpp"
#include "store/sqlite/row_mapping.hpp"
#include "store/sqlite/sqlite_thread.hpp"

namespace gogrid::store {
namespace asio = boost::asio;
namespace {

Error not_found(std::string_view what) { return Error(ErrorCode::not_found, "there is no such " + std::string(what)); }

Result<void> changed_one(const Result<std::int64_t>& changes, std::string_view what) {
  if (!changes) return changes.error();
  if (*changes == 0) return not_found(what);
  return {};
}

// "desk", or the first of "desk-2", "desk-3"… that no worker has.
Result<std::string> free_worker_name(Database& database, const std::string& wanted) {
  for (int number = 1;; ++number) {
    const std::string name = number == 1 ? wanted : wanted + "-" + std::to_string(number);
    auto rows = database.query("SELECT 1 FROM workers WHERE name = ? AND revoked_at IS NULL", name);
    if (!rows) return rows.error();
    const auto taken = rows->next();
    if (!taken) return taken.error();
    if (!*taken) return name;
  }
}

// The one statement that uses a token, so that it cannot be used once too often; the rest finds out why it was not.
Result<void> use_token(Database& database, const std::string& id, SystemTime now) {
  const auto used = database.change(
      "UPDATE join_tokens SET uses_left = uses_left - 1 WHERE id = ? AND uses_left > 0 AND expires_at > ?", id, now);
  if (!used) return used.error();
  if (*used == 1) return {};
  auto rows = database.query("SELECT uses_left FROM join_tokens WHERE id = ?", id);
  if (!rows) return rows.error();
  const auto found = rows->next();
  if (!found) return found.error();
  if (!*found) return not_found("join token");
  return Error(ErrorCode::permission_denied,
               rows->integer(0) == 0 ? "this join token has been used" : "this join token has expired");
}

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(Database database) : thread_(std::move(database)) {}

  Pending<> add_key(KeyRecord key) override {
    return run<void>([key = std::move(key)](Database& database) { return insert(database, key); });
  }
  Pending<std::vector<KeyRecord>> list_keys() override { return list<KeyRecord>(); }
  Pending<> revoke_key(std::string id, SystemTime now) override {
    return run<void>([id = std::move(id), now](Database& database) {
      return changed_one(
          database.change("UPDATE api_keys SET revoked_at = COALESCE(revoked_at, ?) WHERE id = ?", now, id), "key");
    });
  }
  Pending<> note_key_uses(std::vector<LastUse> uses) override {
    return run<void>([uses = std::move(uses)](Database& database) -> Result<void> {
      for (const LastUse& use : uses) {
        const auto changes = database.change("UPDATE api_keys SET last_used_at = ? WHERE id = ?", use.at, use.id);
        if (!changes) return changes.error();
      }
      return {};
    });
  }

  Pending<> add_token(TokenRecord token) override {
    return run<void>([token = std::move(token)](Database& database) { return insert(database, token); });
  }
  Pending<std::vector<TokenRecord>> list_tokens() override { return list<TokenRecord>(); }
  Pending<> remove_token(std::string id) override {
    return run<void>([id = std::move(id)](Database& database) {
      return changed_one(database.change("DELETE FROM join_tokens WHERE id = ?", id), "join token");
    });
  }
  Pending<std::optional<TokenRecord>> find_token(std::string id) override {
    return run<std::optional<TokenRecord>>(
        [id = std::move(id)](Database& database) { return find<TokenRecord>(database, id); });
  }

  Pending<WorkerRecord> enrol_worker(std::string token_id, SystemTime now, WorkerRecord worker) override {
    return run<WorkerRecord>(
        [token_id = std::move(token_id), now, worker = std::move(worker)](Database& database) -> Result<WorkerRecord> {
          WorkerRecord stored = worker;
          if (auto used = use_token(database, token_id, now); !used) return used.error();
          auto name = free_worker_name(database, worker.name);
          if (!name) return name.error();
          stored.name = std::move(*name);
          if (auto added = insert(database, stored); !added) return added.error();
          return stored;
        });
  }
  Pending<std::vector<WorkerRecord>> list_workers() override { return list<WorkerRecord>(); }
  Pending<> revoke_worker(std::string id, SystemTime now) override {
    return run<void>([id = std::move(id), now](Database& database) {
      return changed_one(
          database.change("UPDATE workers SET revoked_at = COALESCE(revoked_at, ?) WHERE id = ?", now, id), "worker");
    });
  }
  Pending<> set_worker_certificate(std::string id, std::string serial, SystemTime expires_at) override {
    return run<void>([id = std::move(id), serial = std::move(serial), expires_at](Database& database) -> Result<void> {
      const auto changes = database.change(
          "UPDATE workers SET certificate_serial = ?, certificate_expires_at = ? WHERE id = ? AND revoked_at IS NULL",
          serial, expires_at, id);
      if (!changes) return changes.error();
      if (*changes == 1) return {};
      const auto known = find<WorkerRecord>(database, id);
      if (!known) return known.error();
      if (!*known) return not_found("worker");
      return Error(ErrorCode::permission_denied, "this worker was revoked");
    });
  }
  Pending<> note_workers_seen(std::vector<Sighting> sightings) override {
    return run<void>([sightings = std::move(sightings)](Database& database) -> Result<void> {
      for (const Sighting& seen : sightings) {
        const auto changes =
            database.change("UPDATE workers SET last_seen_at = ?, version = ?, target = ? WHERE id = ?", seen.at,
                            seen.version, seen.target, seen.id);
        if (!changes) return changes.error();
      }
      return {};
    });
  }

  Pending<> put_model(ModelRecord model) override {
    return run<void>([model = std::move(model)](Database& database) -> Result<void> {
      // An update keeps its place in lists. Two statements, because ON CONFLICT(id) would not tell a taken name apart.
      const auto updated = update(database, model);
      if (!updated) return updated.error();
      if (*updated == 1) return {};
      return insert(database, model);
    });
  }
  Pending<std::vector<ModelRecord>> list_models() override { return list<ModelRecord>(); }
  Pending<> remove_model(std::string id) override {
    return run<void>([id = std::move(id)](Database& database) {
      return changed_one(database.change("DELETE FROM models WHERE id = ?", id), "model");
    });
  }

  Pending<> put_engine(EngineRecord engine) override {
    return run<void>([engine = std::move(engine)](Database& database) -> Result<void> {
      const auto removed = database.change("DELETE FROM engines WHERE sha256 = ?", engine.bundle.sha256);
      if (!removed) return removed.error();
      return insert(database, engine);
    });
  }
  Pending<std::vector<EngineRecord>> list_engines() override { return list<EngineRecord>(); }
  Pending<> remove_engine(std::string sha256) override {
    return run<void>([sha256 = std::move(sha256)](Database& database) {
      return changed_one(database.change("DELETE FROM engines WHERE sha256 = ?", sha256), "engine");
    });
  }

  Pending<> put_upload(UploadRecord upload) override {
    return run<void>([upload = std::move(upload)](Database& database) -> Result<void> {
      const auto removed = database.change("DELETE FROM uploads WHERE sha256 = ?", upload.sha256);
      if (!removed) return removed.error();
      return insert(database, upload);
    });
  }
  Pending<std::vector<UploadRecord>> list_uploads() override { return list<UploadRecord>(); }
  Pending<> remove_upload(std::string sha256) override {
    return run<void>([sha256 = std::move(sha256)](Database& database) {
      return changed_one(database.change("DELETE FROM uploads WHERE sha256 = ?", sha256), "upload");
    });
  }

 private:
  template <class Record>
  Pending<std::vector<Record>> list() {
    return run<std::vector<Record>>([](Database& database) { return select_all<Record>(database); });
  }

  // Runs `work` on the SQL thread and resumes the caller on its own executor when its transaction is on disk.
  template <class Value, class Work>
  Pending<Value> run(Work work) {
    // Shared by the two ends; the SQL thread is done with it before the caller looks.
    auto value = std::make_shared<std::optional<Result<Value>>>();
    std::function<Result<void>(Database&)> job = [value, work = std::move(work)](Database& database) -> Result<void> {
      value->emplace(work(database));
      if (!value->value()) return value->value().error();
      return {};
    };
    return complete<Value>(std::move(job), std::move(value));
  }

  template <class Value>
  Pending<Value> complete(std::function<Result<void>(Database&)> job,
                          std::shared_ptr<std::optional<Result<Value>>> value) {
    auto initiate = [this](auto handler, std::function<Result<void>(Database&)> its_job) {
      auto executor = asio::get_associated_executor(handler);
      auto guard = asio::make_work_guard(executor);
      auto shared = std::make_shared<decltype(handler)>(std::move(handler));
      SqliteThread::Operation operation;
      operation.work = std::move(its_job);
      operation.done = [shared = std::move(shared), executor, guard = std::move(guard)](Result<void> outcome) mutable {
        asio::post(executor, [shared = std::move(shared), outcome = std::move(outcome)]() mutable {
          (*shared)(std::move(outcome));
        });
      };
      thread_.post(std::move(operation));
    };
    Result<void> outcome = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<void>)>(
        initiate, asio::use_awaitable, std::move(job));
    if (!outcome) co_return outcome.error();
    co_return std::move(**value);
  }

  SqliteThread thread_;
};

}  // namespace

std::unique_ptr<Store> make_sqlite_store(Database database) {
  return std::make_unique<SqliteStore>(std::move(database));
}

Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& path) {
  auto database = Database::open(path);
  if (!database) return database.error();
  if (auto migrated = migrate(*database, migrations()); !migrated) {
    return Error(migrated.error().code, path.string() + ": " + migrated.error().detail);
  }
  return make_sqlite_store(std::move(*database));
}

}  // namespace gogrid::store
