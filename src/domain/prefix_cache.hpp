// PrefixCache: which replica has lately seen a prompt with a given beginning, so that a conversation goes back to where
// its KV cache is. Bounded: what was not used for longest is forgotten. Pure, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "domain/request.hpp"

namespace gogrid::domain {

class PrefixCache {
 public:
  // A replica by number, see Scheduler.
  using Place = std::uint32_t;

  // Of the longest of `prefixes` (the longest last) that is known.
  std::optional<Place> find(const std::vector<PrefixHash>& prefixes) const;
  // Remembers the longest, and the first, which others may share.
  void note(const std::vector<PrefixHash>& prefixes, Place place);

 private:
  struct Entry {
    Place place = 0;
    std::list<PrefixHash>::iterator age;
  };
  void note_one(PrefixHash prefix, Place place);

  std::unordered_map<PrefixHash, Entry> entries_;
  // The newest first.
  std::list<PrefixHash> ages_;
};

}  // namespace gogrid::domain
