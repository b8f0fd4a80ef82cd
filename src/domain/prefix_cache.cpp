#include "domain/prefix_cache.hpp"

namespace gogrid::domain {
namespace {
constexpr std::size_t max_entries = 16 * 1024;
}

std::optional<PrefixCache::Place> PrefixCache::find(const std::vector<PrefixHash>& prefixes) const {
  for (auto prefix = prefixes.rbegin(); prefix != prefixes.rend(); ++prefix) {
    const auto found = entries_.find(*prefix);
    if (found != entries_.end()) return found->second.place;
  }
  return std::nullopt;
}

void PrefixCache::note(const std::vector<PrefixHash>& prefixes, Place place) {
  if (prefixes.empty()) return;
  note_one(prefixes.front(), place);
  if (prefixes.size() > 1) note_one(prefixes.back(), place);
}

void PrefixCache::note_one(PrefixHash prefix, Place place) {
  const auto found = entries_.find(prefix);
  if (found != entries_.end()) {
    ages_.splice(ages_.begin(), ages_, found->second.age);
    found->second.place = place;
    return;
  }
  if (entries_.size() == max_entries) {
    entries_.erase(ages_.back());
    ages_.pop_back();
  }
  ages_.push_front(prefix);
  entries_.emplace(prefix, Entry{place, ages_.begin()});
}

}  // namespace gogrid::domain
