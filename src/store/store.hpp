// The coordinator's durable state behind interfaces; SqliteStore implements them. A write has been synced to disk when
// its coroutine completes, and writes from many coroutines share one sync. Called on the io thread, which is never
// blocked. Errors: not_found, conflict as each function says; disk_full, unavailable (read-only, locked, closing),
// internal (damaged).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/records.hpp"

namespace gogrid::store {

template <class T = void>
using Pending = boost::asio::awaitable<Result<T>>;

class KeyStore {
 public:
  virtual ~KeyStore() = default;
  // conflict when the id is taken.
  virtual Pending<> add_key(KeyRecord key) = 0;
  // All, the oldest first; so are all lists here.
  virtual Pending<std::vector<KeyRecord>> list_keys() = 0;
  // not_found for an unknown id. The first time stays when it was revoked before.
  virtual Pending<> revoke_key(std::string id, SystemTime now) = 0;
  struct LastUse {
    std::string id;
    SystemTime at;
  };
  // Unknown ids are skipped.
  virtual Pending<> note_key_uses(std::vector<LastUse> uses) = 0;
};

class TokenStore {
 public:
  virtual ~TokenStore() = default;
  virtual Pending<> add_token(TokenRecord token) = 0;
  virtual Pending<std::vector<TokenRecord>> list_tokens() = 0;
  virtual Pending<> remove_token(std::string id) = 0;
  virtual Pending<std::optional<TokenRecord>> find_token(std::string id) = 0;
};

class WorkerStore {
 public:
  virtual ~WorkerStore() = default;
  // Takes one use of the token and adds the worker, both or neither: not_found for an unknown token, permission_denied
  // for one that is used up or expired at `now`. A name that another worker has gets a number: "desk", "desk-2".
  // Returns the record as stored.
  virtual Pending<WorkerRecord> enrol_worker(std::string token_id, SystemTime now, WorkerRecord worker) = 0;
  virtual Pending<std::vector<WorkerRecord>> list_workers() = 0;
  virtual Pending<> revoke_worker(std::string id, SystemTime now) = 0;
  // permission_denied when the worker is revoked.
  virtual Pending<> set_worker_certificate(std::string id, std::string serial, SystemTime expires_at) = 0;
  struct Sighting {
    std::string id;
    SystemTime at;
    std::string version;
    std::string target;
  };
  // Unknown ids are skipped.
  virtual Pending<> note_workers_seen(std::vector<Sighting> sightings) = 0;
};

class ModelStore {
 public:
  virtual ~ModelStore() = default;
  // conflict when another model has the name.
  virtual Pending<> put_model(ModelRecord model) = 0;
  virtual Pending<std::vector<ModelRecord>> list_models() = 0;
  virtual Pending<> remove_model(std::string id) = 0;
};

class EngineStore {
 public:
  virtual ~EngineStore() = default;
  // One that is there already (same SHA-256) gets the new name and time.
  virtual Pending<> put_engine(EngineRecord engine) = 0;
  virtual Pending<std::vector<EngineRecord>> list_engines() = 0;
  virtual Pending<> remove_engine(std::string sha256) = 0;
};

class UploadStore {
 public:
  virtual ~UploadStore() = default;
  // Replaces what was said of the same SHA-256 before.
  virtual Pending<> put_upload(UploadRecord upload) = 0;
  virtual Pending<std::vector<UploadRecord>> list_uploads() = 0;
  virtual Pending<> remove_upload(std::string sha256) = 0;
};

class Store : public KeyStore,
              public TokenStore,
              public WorkerStore,
              public ModelStore,
              public EngineStore,
              public UploadStore {};

}  // namespace gogrid::store
