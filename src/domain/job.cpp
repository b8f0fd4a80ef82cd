#include "domain/job.hpp"

#include <utility>

namespace gogrid::domain {
namespace {

constexpr std::pair<JobState, std::string_view> states[] = {
    {JobState::queued, "queued"},       {JobState::leased, "leased"}, {JobState::running, "running"},
    {JobState::succeeded, "succeeded"}, {JobState::failed, "failed"}, {JobState::cancelled, "cancelled"},
    {JobState::expired, "expired"},
};

constexpr std::pair<AttemptOutcome, std::string_view> outcomes[] = {
    {AttemptOutcome::succeeded, "succeeded"},     {AttemptOutcome::failed, "failed"},
    {AttemptOutcome::rejected, "rejected"},       {AttemptOutcome::refused, "refused"},
    {AttemptOutcome::worker_lost, "worker_lost"}, {AttemptOutcome::cancelled, "cancelled"},
};

template <class Value, std::size_t count>
std::string_view name_of(const std::pair<Value, std::string_view> (&names)[count], Value value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "";
}

template <class Value, std::size_t count>
std::optional<Value> value_of(const std::pair<Value, std::string_view> (&names)[count], std::string_view text) {
  for (const auto& [value, name] : names) {
    if (name == text) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(JobState state) { return name_of(states, state); }
std::optional<JobState> job_state_from_string(std::string_view text) { return value_of(states, text); }

bool is_final(JobState state) {
  return state == JobState::succeeded || state == JobState::failed || state == JobState::cancelled ||
         state == JobState::expired;
}

std::string_view to_string(AttemptOutcome outcome) { return name_of(outcomes, outcome); }
std::optional<AttemptOutcome> attempt_outcome_from_string(std::string_view text) { return value_of(outcomes, text); }

}  // namespace gogrid::domain
