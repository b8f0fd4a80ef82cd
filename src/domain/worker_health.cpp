#include "domain/worker_health.hpp"

#include <algorithm>
#include <chrono>

namespace gogrid::domain {
namespace {

using namespace std::chrono_literals;

constexpr unsigned max_failures = 5;
constexpr auto first_quarantine = 30s;
constexpr auto longest_quarantine = 1800s;
constexpr std::size_t max_disconnections = 3;
constexpr auto disconnection_memory = 600s;

}  // namespace

void WorkerHealth::succeeded() {
  failures_ = 0;
  quarantines_ = 0;
  last_work_ = 0;
}

void WorkerHealth::failed(std::size_t work, AttemptOutcome outcome, SteadyTime now) {
  if (failures_ > 0 && work == last_work_) return;
  last_work_ = work;
  last_outcome_ = outcome;
  ++failures_;
  if (failures_ < max_failures && !on_probation()) return;
  const auto length = first_quarantine * (1u << std::min(quarantines_, 6u));
  quarantined_until_ = now + std::min<std::chrono::seconds>(length, longest_quarantine);
  ++quarantines_;
}

void WorkerHealth::disconnected(SteadyTime now) {
  disconnections_.push_back(now);
  if (disconnections_.size() > max_disconnections) disconnections_.pop_front();
}

bool WorkerHealth::unstable(SteadyTime now) const {
  return disconnections_.size() == max_disconnections && now < disconnections_.front() + disconnection_memory;
}

std::string WorkerHealth::describe(SteadyTime now) const {
  if (!quarantined(now)) return "";
  const auto left = std::chrono::ceil<std::chrono::seconds>(quarantined_until_ - now);
  return "in quarantine: " + std::to_string(failures_) + " requests in a row failed" +
         (last_outcome_ == AttemptOutcome::refused ? ", it gave the last one back" : "") + "; it is tried again in " +
         std::to_string(left.count()) + " s";
}

}  // namespace gogrid::domain
