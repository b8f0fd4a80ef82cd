// A job: a request for inference that waits in the durable queue instead of on a connection. Its states and the outcome
// of each attempt at it. Values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/ordered_id.hpp"
#include "domain/key.hpp"
#include "domain/request.hpp"

namespace gogrid::domain {

struct JobTag {
  static constexpr std::string_view prefix = "job_";
};
using JobId = OrderedId<JobTag>;

struct BatchTag {
  static constexpr std::string_view prefix = "batch_";
};
using BatchId = OrderedId<BatchTag>;

// The right to work on a job once. A result counts only with the job's current lease; a later lease is a larger number,
// over restarts of the coordinator too: the upper 32 bits count its starts, the lower ones its leases. 0 is none.
using LeaseId = std::uint64_t;

// queued → leased → running → succeeded | failed | cancelled | expired; an attempt that fails takes it back to queued.
enum class JobState {
  queued,     // waits for a slot, or for its time
  leased,     // given to a worker
  running,    // the worker has its request
  succeeded,  // its result is stored
  failed,     // its request is wrong, or it has used up its attempts
  cancelled,  // by who submitted it
  expired,    // its deadline passed
};
inline constexpr JobState all_job_states[] = {JobState::queued,    JobState::leased, JobState::running,
                                              JobState::succeeded, JobState::failed, JobState::cancelled,
                                              JobState::expired};

std::string_view to_string(JobState state);
std::optional<JobState> job_state_from_string(std::string_view text);
// Nothing will change it any more.
bool is_final(JobState state);

enum class AttemptOutcome {
  succeeded,
  failed,       // the engine could not do it: another attempt may
  rejected,     // the engine refused the request itself: no other attempt would help
  refused,      // the worker did not take it: does not count as an attempt
  worker_lost,  // it did not come back in time
  cancelled,    // the job was, or its deadline passed
};
std::string_view to_string(AttemptOutcome outcome);
std::optional<AttemptOutcome> attempt_outcome_from_string(std::string_view text);

// A job as the scheduler sees it.
struct Job {
  JobId id;
  // The name that its request gives: jobs outlive models.
  std::string model;
  KeyId key;
  int priority = 0;
  SystemTime created_at;
  std::optional<SystemTime> not_before = {};
  std::optional<SystemTime> deadline = {};
  unsigned max_attempts = 1;
  // A guess.
  std::uint32_t prompt_tokens = 0;
  // Of the beginning that it shares with others; 0 is none.
  PrefixHash prefix = 0;
  // The shell's own: comes back with each lease.
  std::uint8_t tag = 0;
};

// How an attempt ended, as the shell saw it.
struct AttemptEnd {
  AttemptOutcome outcome = AttemptOutcome::failed;
  // For a person; empty for a success.
  std::string reason = {};
  Usage usage = {};
};

inline constexpr int max_priority = 100;
inline constexpr int default_priority = 50;
inline constexpr unsigned default_max_attempts = 5;
inline constexpr unsigned max_attempts_limit = 100;

}  // namespace gogrid::domain
