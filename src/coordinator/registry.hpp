// What the coordinator knows of models, engines and workers: the store's records held in memory. Look-ups are
// immediate; changes are durable before they show here. Owned by the Coordinator, used on the io thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async_lock.hpp"
#include "base/clock.hpp"
#include "store/store.hpp"

namespace gogrid::coordinator {

using store::EngineRecord;
using store::ModelRecord;
using store::Pending;
using store::WorkerRecord;

// Functions to call when something changed. They are called on the io thread, after the change, and must not suspend.
template <class... Arguments>
class Listeners {
 public:
  void add(std::function<void(Arguments...)> listener) { listeners_.push_back(std::move(listener)); }
  void call(Arguments... arguments) const {
    for (const auto& listener : listeners_)
      listener(arguments...);
  }

 private:
  std::vector<std::function<void(Arguments...)>> listeners_;
};

// Models, and aliases: further names that stand for a model, or for another alias.
class ModelLibrary {
 public:
  explicit ModelLibrary(store::ModelStore& store) : store_(store) {}
  // Once, before anything else.
  Pending<> load();

  using Entry = std::shared_ptr<const ModelRecord>;
  // The oldest first.
  const std::vector<Entry>& list() const { return models_; }
  // By id, else by name; null when there is none. An entry stays valid, and as it was, while it is held.
  Entry find(std::string_view name_or_id) const;
  Entry find_by_name(std::string_view name) const;
  // The same, else what the alias of that name stands for in the end: what requests name.
  Entry resolve(std::string_view name) const;
  bool uses_blob(std::string_view sha256) const;

  // A model with the same id is replaced; `conflict` when another one, or an alias, has the name.
  Pending<> put(ModelRecord model);
  // Takes a name or an id. `conflict` while aliases point at it.
  Pending<Entry> remove(std::string name_or_id);

  using Aliases = std::map<std::string, store::AliasRecord, std::less<>>;
  const Aliases& aliases() const { return aliases_; }
  // Names of those that point straight at it.
  std::vector<std::string> aliases_of(std::string_view name) const;
  // Makes it or points it elsewhere. `conflict` when a model has its name, or when it would stand for itself in the
  // end; not_found when there is nothing of the target's name.
  Pending<> put_alias(std::string name, std::string target, SystemTime now);
  // `conflict` while other aliases point at it.
  Pending<> remove_alias(std::string name);

  void on_change(std::function<void()> listener) { changed_.add(std::move(listener)); }

 private:
  Result<void> check_alias(const std::string& name, const std::string& target) const;
  Result<void> check_unused(std::string_view kind, const std::string& name) const;

  store::ModelStore& store_;
  std::vector<Entry> models_;
  Aliases aliases_;
  // What is checked stays so until it is stored.
  AsyncLock changes_;
  Listeners<> changed_;
};

class EngineRegistry {
 public:
  explicit EngineRegistry(store::EngineStore& store) : store_(store) {}
  Pending<> load();

  const std::vector<EngineRecord>& list() const { return engines_; }
  // The newest one for "linux-x86_64".
  std::optional<EngineRecord> current(std::string_view target) const;
  bool is_current(const EngineRecord& engine) const;
  // By SHA-256, else the newest one of that name.
  std::optional<EngineRecord> find(std::string_view name_or_sha256) const;
  bool uses_blob(std::string_view sha256) const;

  Pending<> put(EngineRecord engine);
  // What find() finds.
  Pending<EngineRecord> remove(std::string name_or_sha256);

  void on_change(std::function<void()> listener) { changed_.add(std::move(listener)); }

 private:
  store::EngineStore& store_;
  std::vector<EngineRecord> engines_;
  Listeners<> changed_;
};

class WorkerRegistry {
 public:
  WorkerRegistry(store::WorkerStore& store, const Clock& clock) : store_(store), clock_(clock) {}
  Pending<> load();

  using Entry = std::shared_ptr<const WorkerRecord>;
  // The oldest first.
  std::vector<Entry> list() const;
  // Null when there is none. Revoked workers stay known.
  Entry find(std::string_view id) const;
  // By id, else by name (of one that is not revoked): names are chosen by whoever joins, and must not stand for
  // another's id.
  Entry find_by_id_or_name(std::string_view name_or_id) const;
  // permission_denied, with a reason for the worker's owner, when a worker with this id must not be let in.
  Result<void> admit(std::string_view id) const;

  Pending<WorkerRecord> enrol(std::string token_id, WorkerRecord worker);
  Pending<> set_certificate(std::string id, std::string serial, SystemTime expires_at);
  // Replaces those it had; calls on_labels.
  Pending<Entry> set_labels(std::string name_or_id, std::map<std::string, std::string> labels);
  // Cuts the worker off before the store has answered, and calls on_revoke; not_found for an unknown one.
  Pending<Entry> revoke(std::string name_or_id);

  // That the worker is connected now, or was until now: `seen.at` is set here. Written by flush(), and with it a name
  // that changed; the listener is called when there is something to write.
  void note_seen(store::WorkerStore::Sighting seen);
  void on_unwritten(std::function<void()> listener) { unwritten_listener_ = std::move(listener); }
  Pending<> flush();

  // Called with the worker's id.
  void on_revoke(std::function<void(const std::string&)> listener) { revoked_.add(std::move(listener)); }
  void on_labels(std::function<void(const WorkerRecord&)> listener) { labelled_.add(std::move(listener)); }

 private:
  void remember(Entry worker);
  void rename(const WorkerRecord& stored);

  store::WorkerStore& store_;
  const Clock& clock_;
  std::map<std::string, Entry, std::less<>> workers_;
  // Ids, the oldest first.
  std::vector<std::string> order_;
  std::map<std::string, store::WorkerStore::Sighting> unwritten_;
  std::function<void()> unwritten_listener_;
  Listeners<const std::string&> revoked_;
  Listeners<const WorkerRecord&> labelled_;
};

}  // namespace gogrid::coordinator
