#include "coordinator/keys.hpp"

#include <algorithm>
#include <utility>

#include "base/encoding.hpp"
#include "base/sha256.hpp"

namespace gogrid::coordinator {
namespace {

constexpr std::string_view prefix = "gg_";
constexpr std::size_t id_bytes = 8;
constexpr std::size_t id_digits = 2 * id_bytes;
constexpr std::size_t secret_bytes = 32;

struct Parts {
  std::string_view id;
  std::string_view secret;
};

std::optional<Parts> split(std::string_view key) {
  if (!key.starts_with(prefix)) return std::nullopt;
  key.remove_prefix(prefix.size());
  if (key.size() <= id_digits + 1 || key[id_digits] != '_') return std::nullopt;
  return Parts{key.substr(0, id_digits), key.substr(id_digits + 1)};
}

bool has_scope(const store::KeyRecord& key, Scope scope) {
  return std::find(key.scopes.begin(), key.scopes.end(), to_string(scope)) != key.scopes.end();
}

}  // namespace

std::string_view to_string(Scope scope) {
  switch (scope) {
    case Scope::open:
    case Scope::any:
      return "";
    case Scope::inference:
      return "inference";
    case Scope::admin:
      return "admin";
  }
  return "";
}

store::Pending<> KeyRing::load() {
  auto keys = co_await store_.list_keys();
  if (!keys) co_return keys.error();
  for (auto& key : *keys)
    remember(std::move(key));
  co_return Result<void>();
}

KeyRing::Created KeyRing::make(std::string name, std::vector<std::string> scopes, std::optional<SystemTime> expires_at,
                               store::KeyPolicy policy) const {
  const std::string secret = to_base64url(as_bytes(random_bytes(secret_bytes)));
  Created created;
  created.record.id = to_hex(as_bytes(random_bytes(id_bytes)));
  created.record.secret_sha256 = Sha256::hex(as_bytes(secret));
  created.record.name = std::move(name);
  created.record.scopes = std::move(scopes);
  created.record.created_at = clock_.system_now();
  created.record.expires_at = expires_at;
  created.record.policy = std::move(policy);
  created.key = std::string(prefix) + created.record.id + "_" + secret;
  return created;
}

store::Pending<> KeyRing::add(store::KeyRecord key) {
  auto added = co_await store_.add_key(key);
  if (!added) co_return added;
  tell_policy(key);
  remember(std::move(key));
  co_return added;
}

store::KeyPolicy KeyRing::apply(Changes changes, store::KeyPolicy policy) {
  if (changes.models) policy.models = std::move(*changes.models);
  policy.weight = changes.weight.value_or(policy.weight);
  policy.requests_per_minute = changes.requests_per_minute.value_or(policy.requests_per_minute);
  policy.tokens_per_minute = changes.tokens_per_minute.value_or(policy.tokens_per_minute);
  policy.max_concurrent = changes.max_concurrent.value_or(policy.max_concurrent);
  policy.max_queued = changes.max_queued.value_or(policy.max_queued);
  return policy;
}

Result<void> KeyRing::may_change(std::string_view id) const {
  const store::KeyRecord* key = find(id);
  if (!key) return Error(ErrorCode::not_found, "there is no key " + std::string(id));
  if (key->revoked_at) return Error(ErrorCode::conflict, "key " + std::string(id) + " is revoked");
  return {};
}

store::Pending<store::KeyRecord> KeyRing::update(std::string id, Changes changes) {
  const AsyncLock::Turn turn = co_await changing_.take();
  if (auto good = may_change(id); !good) co_return good.error();
  const store::KeyRecord* known = find(id);
  store::KeyPolicy policy = apply(changes, known->policy);
  std::string name = changes.name.value_or(known->name);
  if (name != known->name) {
    auto stored = co_await store_.rename_key(id, name);
    if (!stored) co_return stored.error();
    keys_.find(id)->second.name = std::move(name);
  }
  store::KeyRecord& key = keys_.find(id)->second;
  if (policy != key.policy) {
    auto stored = co_await store_.set_key_policy(id, policy);
    if (!stored) co_return stored.error();
    key.policy = std::move(policy);
    tell_policy(key);
  }
  co_return key;
}

void KeyRing::tell_policy(const store::KeyRecord& key) const {
  if (policy_listener_) policy_listener_(key.id, key.policy);
}

const store::KeyRecord* KeyRing::find(std::string_view id) const {
  const auto found = keys_.find(id);
  return found == keys_.end() ? nullptr : &found->second;
}

store::Pending<> KeyRing::revoke(std::string id) {
  const auto found = keys_.find(id);
  if (found == keys_.end()) co_return Error(ErrorCode::not_found, "there is no key " + id);
  const auto good_admins =
      std::count_if(keys_.begin(), keys_.end(), [this](const auto& entry) { return is_good_admin(entry.second); });
  if (good_admins == 1 && is_good_admin(found->second)) {
    co_return Error(ErrorCode::conflict, "key " + id + " is the last one with the scope admin: make another one first");
  }
  const SystemTime now = clock_.system_now();
  if (!found->second.revoked_at) found->second.revoked_at = now;
  if (revoked_listener_) revoked_listener_(id);
  co_return co_await store_.revoke_key(std::move(id), now);
}

bool KeyRing::is_good_admin(const store::KeyRecord& key) const {
  if (key.revoked_at || (key.expires_at && *key.expires_at <= clock_.system_now())) return false;
  return has_scope(key, Scope::admin);
}

void KeyRing::remember(store::KeyRecord key) {
  const std::string id = key.id;
  order_.push_back(id);
  keys_.insert_or_assign(id, std::move(key));
}

std::vector<store::KeyRecord> KeyRing::list() const {
  std::vector<store::KeyRecord> keys;
  for (const std::string& id : order_)
    keys.push_back(keys_.find(id)->second);
  return keys;
}

Result<KeyIdentity> KeyRing::check(std::string_view key, Scope scope) {
  // What an unknown id is compared with, so that it takes no less time than a known one.
  static const std::string nobody(64, '0');
  const Error wrong(ErrorCode::unauthenticated,
                    "this API key is not valid; check it, or ask the operator for a new one");
  const auto parts = split(key);
  const auto found = parts ? keys_.find(parts->id) : keys_.end();
  const std::string& wanted = found == keys_.end() ? nobody : found->second.secret_sha256;
  const bool same = equal_in_constant_time(Sha256::hex(as_bytes(parts ? parts->secret : key)), wanted);
  if (!same || found == keys_.end()) return wrong;
  const store::KeyRecord& record = found->second;
  if (record.revoked_at)
    return Error(ErrorCode::unauthenticated, "this API key was revoked; ask the operator for a new one");
  if (record.expires_at && *record.expires_at <= clock_.system_now()) {
    return Error(ErrorCode::unauthenticated, "this API key has expired; ask the operator for a new one");
  }
  if (scope != Scope::any && !has_scope(record, scope)) {
    return Error(ErrorCode::permission_denied, "this API key does not have the scope \"" +
                                                   std::string(to_string(scope)) +
                                                   "\" that this needs; use one that has");
  }
  note_use(record.id);
  KeyIdentity identity;
  identity.id = record.id;
  identity.name = record.name;
  identity.admin = has_scope(record, Scope::admin);
  identity.models = record.policy.models;
  return identity;
}

void KeyRing::note_use(const std::string& id) {
  const SystemTime now = clock_.system_now();
  keys_.find(id)->second.last_used_at = now;
  const bool first = unwritten_.empty();
  unwritten_.insert_or_assign(id, now);
  if (first && unwritten_listener_) unwritten_listener_();
}

store::Pending<> KeyRing::flush() {
  std::vector<store::KeyStore::LastUse> uses;
  for (const auto& [id, at] : std::exchange(unwritten_, {})) {
    store::KeyStore::LastUse use;
    use.id = id;
    use.at = at;
    uses.push_back(std::move(use));
  }
  if (uses.empty()) co_return Result<void>();
  co_return co_await store_.note_key_uses(std::move(uses));
}

}  // namespace gogrid::coordinator
