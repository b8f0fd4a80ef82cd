#include "coordinator/registry.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace gogrid::coordinator {
namespace {

// Aliases that follow each other before a model comes.
constexpr int max_alias_hops = 8;

}  // namespace

// ---- models ----

Pending<> ModelLibrary::load() {
  auto models = co_await store_.list_models();
  if (!models) co_return models.error();
  for (auto& model : *models)
    models_.push_back(std::make_shared<const ModelRecord>(std::move(model)));
  auto aliases = co_await store_.list_aliases();
  if (!aliases) co_return aliases.error();
  for (auto& alias : *aliases) {
    const std::string name = alias.name;
    aliases_.emplace(name, std::move(alias));
  }
  co_return Result<void>();
}

ModelLibrary::Entry ModelLibrary::find(std::string_view name_or_id) const {
  for (const Entry& entry : models_) {
    if (entry->model.id.text() == name_or_id) return entry;
  }
  return find_by_name(name_or_id);
}

ModelLibrary::Entry ModelLibrary::find_by_name(std::string_view name) const {
  const auto found =
      std::find_if(models_.begin(), models_.end(), [&](const Entry& entry) { return entry->model.name == name; });
  return found == models_.end() ? nullptr : *found;
}

ModelLibrary::Entry ModelLibrary::resolve(std::string_view name) const {
  if (Entry entry = find(name)) return entry;
  auto alias = aliases_.find(name);
  // There are no circles; should there be one all the same, it ends here.
  for (std::size_t hop = 0; alias != aliases_.end() && hop < aliases_.size(); ++hop) {
    if (Entry entry = find_by_name(alias->second.target)) return entry;
    alias = aliases_.find(alias->second.target);
  }
  return nullptr;
}

bool ModelLibrary::uses_blob(std::string_view sha256) const {
  return std::any_of(models_.begin(), models_.end(), [&](const Entry& entry) {
    const auto& files = entry->model.files;
    return entry->model.sha256 == sha256 ||
           std::any_of(files.begin(), files.end(), [&](const auto& file) { return file.sha256 == sha256; });
  });
}

Pending<> ModelLibrary::put(ModelRecord model) {
  const auto turn = co_await changes_.take();
  auto entry = std::make_shared<const ModelRecord>(std::move(model));
  if (const auto alias = aliases_.find(entry->model.name); alias != aliases_.end()) {
    co_return Error(ErrorCode::conflict, "\"" + entry->model.name + "\" is an alias of " + alias->second.target +
                                             "; remove the alias first or choose another name");
  }
  auto stored = co_await store_.put_model(*entry);
  if (!stored && stored.error().code == ErrorCode::conflict) {
    co_return Error(ErrorCode::conflict, "there is a model named \"" + entry->model.name +
                                             "\" already; remove it first or choose another name");
  }
  if (!stored) co_return stored.error();
  const auto same = std::find_if(models_.begin(), models_.end(),
                                 [&](const Entry& other) { return other->model.id == entry->model.id; });
  if (same == models_.end()) {
    models_.push_back(std::move(entry));
  } else {
    *same = std::move(entry);
  }
  changed_.call();
  co_return Result<void>();
}

Pending<ModelLibrary::Entry> ModelLibrary::remove(std::string name_or_id) {
  const auto turn = co_await changes_.take();
  Entry entry = find(name_or_id);
  if (!entry) co_return Error(ErrorCode::not_found, "there is no model \"" + name_or_id + "\"");
  if (auto unused = check_unused("model", entry->model.name); !unused) co_return unused.error();
  auto removed = co_await store_.remove_model(entry->model.id.text());
  if (!removed) co_return removed.error();
  std::erase_if(models_, [&](const Entry& other) { return other->model.id == entry->model.id; });
  changed_.call();
  co_return entry;
}

std::vector<std::string> ModelLibrary::aliases_of(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& [alias, record] : aliases_) {
    if (record.target == name) names.push_back(alias);
  }
  return names;
}

// That nothing would be left pointing at it.
Result<void> ModelLibrary::check_unused(std::string_view kind, const std::string& name) const {
  const std::vector<std::string> names = aliases_of(name);
  if (names.empty()) return {};
  std::string list;
  for (const std::string& alias : names)
    list += (list.empty() ? "" : ", ") + alias;
  return Error(ErrorCode::conflict,
               (names.size() == 1 ? "the alias " + list + " points" : "the aliases " + list + " point") + " at the " +
                   std::string(kind) + " " + name + ": point " + (names.size() == 1 ? "it" : "them") +
                   " elsewhere or remove " + (names.size() == 1 ? "it" : "them") + " first");
}

Result<void> ModelLibrary::check_alias(const std::string& name, const std::string& target) const {
  if (find_by_name(name))
    return Error(ErrorCode::conflict, "there is a model named \"" + name + "\": an alias cannot take its place");
  std::string way = name;
  std::string next = target;
  for (int hop = 0; hop < max_alias_hops; ++hop) {
    way += " -> " + next;
    if (next == name) return Error(ErrorCode::conflict, "the alias would stand for itself: " + way);
    if (find_by_name(next)) return {};
    const auto alias = aliases_.find(next);
    if (alias == aliases_.end())
      return Error(ErrorCode::not_found, "there is no model and no alias named \"" + next + "\"");
    next = alias->second.target;
  }
  return Error(ErrorCode::conflict,
               "more than " + std::to_string(max_alias_hops) + " aliases would follow each other: " + way);
}

Pending<> ModelLibrary::put_alias(std::string name, std::string target, SystemTime now) {
  const auto turn = co_await changes_.take();
  if (auto good = check_alias(name, target); !good) co_return good;
  store::AliasRecord alias;
  alias.name = name;
  alias.target = std::move(target);
  const auto known = aliases_.find(name);
  alias.created_at = known == aliases_.end() ? now : known->second.created_at;
  auto stored = co_await store_.put_alias(alias);
  if (!stored) co_return stored;
  aliases_.insert_or_assign(std::move(name), std::move(alias));
  co_return Result<void>();
}

Pending<> ModelLibrary::remove_alias(std::string name) {
  const auto turn = co_await changes_.take();
  if (!aliases_.contains(name)) co_return Error(ErrorCode::not_found, "there is no alias \"" + name + "\"");
  if (auto unused = check_unused("alias", name); !unused) co_return unused;
  auto removed = co_await store_.remove_alias(name);
  if (!removed) co_return removed;
  aliases_.erase(name);
  co_return Result<void>();
}

// ---- engines ----

Pending<> EngineRegistry::load() {
  auto engines = co_await store_.list_engines();
  if (!engines) co_return engines.error();
  engines_ = std::move(*engines);
  co_return Result<void>();
}

std::optional<EngineRecord> EngineRegistry::current(std::string_view target) const {
  const auto newest = std::find_if(engines_.rbegin(), engines_.rend(),
                                   [&](const auto& engine) { return engine.bundle.target == target; });
  if (newest == engines_.rend()) return std::nullopt;
  return *newest;
}

bool EngineRegistry::is_current(const EngineRecord& engine) const {
  const auto newest = current(engine.bundle.target);
  return newest && newest->bundle.sha256 == engine.bundle.sha256;
}

bool EngineRegistry::uses_blob(std::string_view sha256) const {
  return std::any_of(engines_.begin(), engines_.end(),
                     [&](const auto& engine) { return engine.bundle.sha256 == sha256; });
}

Pending<> EngineRegistry::put(EngineRecord engine) {
  auto stored = co_await store_.put_engine(engine);
  if (!stored) co_return stored.error();
  std::erase_if(engines_, [&](const auto& other) { return other.bundle.sha256 == engine.bundle.sha256; });
  engines_.push_back(std::move(engine));
  changed_.call();
  co_return Result<void>();
}

std::optional<EngineRecord> EngineRegistry::find(std::string_view name_or_sha256) const {
  const auto look = [&](auto member) {
    return std::find_if(engines_.rbegin(), engines_.rend(),
                        [&](const auto& engine) { return engine.bundle.*member == name_or_sha256; });
  };
  auto found = look(&domain::EngineBundle::sha256);
  if (found == engines_.rend()) found = look(&domain::EngineBundle::name);
  if (found == engines_.rend()) return std::nullopt;
  return *found;
}

Pending<EngineRecord> EngineRegistry::remove(std::string name_or_sha256) {
  const auto found = find(name_or_sha256);
  if (!found) co_return Error(ErrorCode::not_found, "there is no engine \"" + name_or_sha256 + "\"");
  EngineRecord engine = *found;
  auto removed = co_await store_.remove_engine(engine.bundle.sha256);
  if (!removed) co_return removed.error();
  std::erase_if(engines_, [&](const auto& other) { return other.bundle.sha256 == engine.bundle.sha256; });
  changed_.call();
  co_return engine;
}

// ---- workers ----

Pending<> WorkerRegistry::load() {
  auto workers = co_await store_.list_workers();
  if (!workers) co_return workers.error();
  for (auto& worker : *workers)
    remember(std::make_shared<const WorkerRecord>(std::move(worker)));
  co_return Result<void>();
}

void WorkerRegistry::remember(Entry worker) {
  order_.push_back(worker->id);
  const std::string id = worker->id;
  workers_.insert_or_assign(id, std::move(worker));
}

std::vector<WorkerRegistry::Entry> WorkerRegistry::list() const {
  std::vector<Entry> workers;
  for (const std::string& id : order_)
    workers.push_back(find(id));
  return workers;
}

WorkerRegistry::Entry WorkerRegistry::find(std::string_view id) const {
  const auto found = workers_.find(id);
  return found == workers_.end() ? nullptr : found->second;
}

WorkerRegistry::Entry WorkerRegistry::find_by_id_or_name(std::string_view name_or_id) const {
  if (Entry by_id = find(name_or_id)) return by_id;
  for (const auto& [id, entry] : workers_) {
    if (entry->name == name_or_id && !entry->revoked_at) return entry;
  }
  return nullptr;
}

Result<void> WorkerRegistry::admit(std::string_view id) const {
  const Entry worker = find(id);
  if (!worker)
    return Error(ErrorCode::permission_denied,
                 "this coordinator does not know this worker; join it again with a new token");
  if (worker->revoked_at)
    return Error(ErrorCode::permission_denied, "this worker was revoked; to use it again, join it with a new token");
  return {};
}

Pending<WorkerRecord> WorkerRegistry::enrol(std::string token_id, WorkerRecord worker) {
  auto stored = co_await store_.enrol_worker(std::move(token_id), clock_.system_now(), std::move(worker));
  if (!stored) co_return stored.error();
  remember(std::make_shared<const WorkerRecord>(*stored));
  co_return stored;
}

Pending<> WorkerRegistry::set_certificate(std::string id, std::string serial, SystemTime expires_at) {
  auto stored = co_await store_.set_worker_certificate(id, serial, expires_at);
  if (!stored) co_return stored.error();
  if (const Entry known = find(id)) {
    auto changed = std::make_shared<WorkerRecord>(*known);
    changed->certificate_serial = std::move(serial);
    changed->certificate_expires_at = expires_at;
    workers_.insert_or_assign(id, std::move(changed));
  }
  co_return Result<void>();
}

Pending<WorkerRegistry::Entry> WorkerRegistry::revoke(std::string name_or_id) {
  const Entry known = find_by_id_or_name(name_or_id);
  if (!known) co_return Error(ErrorCode::not_found, "there is no worker \"" + name_or_id + "\"");
  auto changed = std::make_shared<WorkerRecord>(*known);
  if (!changed->revoked_at) changed->revoked_at = clock_.system_now();
  const Entry entry = changed;
  workers_.insert_or_assign(entry->id, entry);
  revoked_.call(entry->id);
  auto stored = co_await store_.revoke_worker(entry->id, *entry->revoked_at);
  if (!stored) co_return stored.error();
  co_return entry;
}

Pending<WorkerRegistry::Entry> WorkerRegistry::set_labels(std::string name_or_id,
                                                          std::map<std::string, std::string> labels) {
  const Entry known = find_by_id_or_name(name_or_id);
  if (!known) co_return Error(ErrorCode::not_found, "there is no worker \"" + name_or_id + "\"");
  auto stored = co_await store_.set_worker_labels(known->id, labels);
  if (!stored) co_return stored.error();
  // It may have been seen meanwhile.
  auto changed = std::make_shared<WorkerRecord>(*find(known->id));
  changed->labels = std::move(labels);
  const Entry entry = changed;
  workers_.insert_or_assign(entry->id, entry);
  labelled_.call(*entry);
  co_return entry;
}

void WorkerRegistry::note_seen(store::WorkerStore::Sighting seen) {
  const Entry known = find(seen.id);
  if (!known) return;
  seen.at = clock_.system_now();
  auto changed = std::make_shared<WorkerRecord>(*known);
  changed->last_seen_at = seen.at;
  changed->version = seen.version;
  changed->target = seen.target;
  const std::string id = seen.id;
  const bool first = unwritten_.empty();
  unwritten_.insert_or_assign(id, std::move(seen));
  workers_.insert_or_assign(id, std::move(changed));
  if (first && unwritten_listener_) unwritten_listener_();
}

void WorkerRegistry::rename(const WorkerRecord& stored) {
  const Entry known = find(stored.id);
  if (!known) return;
  if (stored.name != known->name) log().info("worker {} ({}) is now called {}", stored.id, known->name, stored.name);
  // The rest may have changed while it was stored.
  auto changed = std::make_shared<WorkerRecord>(*known);
  changed->name = stored.name;
  changed->host_name = stored.host_name;
  workers_.insert_or_assign(stored.id, std::move(changed));
}

Pending<> WorkerRegistry::flush() {
  std::vector<store::WorkerStore::Sighting> sightings;
  for (auto& [id, sighting] : std::exchange(unwritten_, {}))
    sightings.push_back(sighting);
  if (sightings.empty()) co_return Result<void>();
  const auto renamed = co_await store_.note_workers_seen(std::move(sightings));
  if (!renamed) co_return renamed.error();
  for (const WorkerRecord& worker : *renamed)
    rename(worker);
  co_return Result<void>();
}

}  // namespace gogrid::coordinator
