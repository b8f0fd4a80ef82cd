// RequestCache: the bodies of jobs that were submitted lately, so that one that runs at once is not read back from the
// store. Bounded: the oldest make room. Owned by the JobQueue, used on the io thread.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "domain/job.hpp"

namespace gogrid::coordinator {

class RequestCache {
 public:
  explicit RequestCache(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  void put(domain::JobId id, std::string body) {
    if (body.size() > limit_bytes_ / 4) return;
    used_bytes_ += body.size();
    ages_.push_back(id);
    bodies_.insert_or_assign(id, Entry{std::move(body), std::prev(ages_.end())});
    while (used_bytes_ > limit_bytes_)
      (void)take(ages_.front());
  }

  std::optional<std::string> take(domain::JobId id) {
    const auto found = bodies_.find(id);
    if (found == bodies_.end()) return std::nullopt;
    std::string body = std::move(found->second.body);
    used_bytes_ -= body.size();
    ages_.erase(found->second.age);
    bodies_.erase(found);
    return body;
  }

 private:
  struct Entry {
    std::string body;
    std::list<domain::JobId>::iterator age;
  };

  const std::size_t limit_bytes_;
  std::size_t used_bytes_ = 0;
  std::unordered_map<domain::JobId, Entry> bodies_;
  // The oldest first.
  std::list<domain::JobId> ages_;
};

}  // namespace gogrid::coordinator
