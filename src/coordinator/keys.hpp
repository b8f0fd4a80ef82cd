// KeyRing: API keys, checked from memory at each request and kept in the store. A key is "gg_<id>_<secret>": 16
// hexadecimal digits and 32 random bytes in base64url, of which only the SHA-256 is stored. Owned by the Coordinator,
// used on the io thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async_lock.hpp"
#include "base/clock.hpp"
#include "coordinator/api/router.hpp"
#include "store/store.hpp"

namespace gogrid::coordinator {

class KeyRing {
 public:
  KeyRing(store::KeyStore& store, const Clock& clock) : store_(store), clock_(clock) {}
  // Once, before anything else.
  store::Pending<> load();

  struct Created {
    store::KeyRecord record;
    // The whole key: shown once, stored nowhere.
    std::string key;
  };
  // A key that is good for nothing until it is added.
  Created make(std::string name, std::vector<std::string> scopes, std::optional<SystemTime> expires_at,
               store::KeyPolicy policy = {}) const;
  store::Pending<> add(store::KeyRecord key);

  // What is not set stays as it is.
  struct Changes {
    std::optional<std::string> name;
    std::optional<std::vector<std::string>> models;
    std::optional<double> weight;
    std::optional<std::int64_t> requests_per_minute;
    std::optional<std::int64_t> tokens_per_minute;
    std::optional<std::int64_t> max_concurrent;
    std::optional<std::int64_t> max_queued;
  };
  static store::KeyPolicy apply(Changes changes, store::KeyPolicy policy);
  // not_found for an unknown key, conflict for one that is revoked.
  Result<void> may_change(std::string_view id) const;
  // Returns the key as it is then; errors as may_change().
  store::Pending<store::KeyRecord> update(std::string id, Changes changes);
  // Called with the id and the policy of each key that is added or changed, on the io thread; must not suspend.
  void on_policy(std::function<void(const std::string&, const store::KeyPolicy&)> listener) {
    policy_listener_ = std::move(listener);
  }

  // From the moment of the call the key is good for nothing, also when the store then fails. `conflict` for the last
  // good one with the scope admin: without it nobody could make another.
  store::Pending<> revoke(std::string id);
  // Called with the id, on the io thread; must not suspend.
  void on_revoke(std::function<void(const std::string&)> listener) { revoked_listener_ = std::move(listener); }
  // The oldest first.
  std::vector<store::KeyRecord> list() const;
  // nullptr when there is none; valid until the next change.
  const store::KeyRecord* find(std::string_view id) const;

  // unauthenticated for a text that is no good key, permission_denied for a good one without the scope. Takes the same
  // time whether or not the id is known.
  Result<KeyIdentity> check(std::string_view key, Scope scope);

  // When keys were last used is written by flush(); the listener is called when there is something to write.
  void on_unwritten(std::function<void()> listener) { unwritten_listener_ = std::move(listener); }
  store::Pending<> flush();

 private:
  void remember(store::KeyRecord key);
  bool is_good_admin(const store::KeyRecord& key) const;
  void tell_policy(const store::KeyRecord& key) const;
  void note_use(const std::string& id);

  store::KeyStore& store_;
  const Clock& clock_;
  std::map<std::string, store::KeyRecord, std::less<>> keys_;
  // Ids, the oldest first.
  std::vector<std::string> order_;
  std::map<std::string, SystemTime> unwritten_;
  std::function<void()> unwritten_listener_;
  std::function<void(const std::string&)> revoked_listener_;
  std::function<void(const std::string&, const store::KeyPolicy&)> policy_listener_;
  // Changes of keys follow each other: each begins with what the last one left.
  AsyncLock changing_;
};

// As it stands in records and in the API.
std::string_view to_string(Scope scope);

}  // namespace gogrid::coordinator
