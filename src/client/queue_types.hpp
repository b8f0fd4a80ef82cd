// What the coordinator's API answers about jobs, files, batches, the queue, usage and the audit log, as values; see
// client/types.hpp for times, sizes and what is missing. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/types.hpp"

namespace gogrid::client {

// Part of a list, the newest first.
template <class T>
struct Page {
  std::vector<T> items;
  bool has_more = false;
  // What `after` (or `before`) must be for the part that follows; empty at the end.
  std::string next;
};

struct TokenUsage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
};

// Why a job waits.
struct JobWaiting {
  std::int64_t position = 0;
  std::optional<std::int64_t> estimate_seconds;
  std::string reason;
  std::string text;
};

struct JobAttempt {
  std::int64_t attempt = 0;
  std::string worker;
  std::optional<UnixSeconds> started_at;
  std::optional<UnixSeconds> ended_at;
  std::string outcome;
  std::string reason;
};

struct StoredResult {
  std::int64_t status = 0;
  std::string content_type;
  std::int64_t size_bytes = 0;
};

struct Job {
  std::string id;
  std::string state;
  std::string model;
  std::string endpoint;
  std::int64_t priority = 0;
  std::int64_t max_attempts = 0;
  std::int64_t attempts = 0;
  std::optional<UnixSeconds> created_at;
  std::optional<UnixSeconds> not_before;
  std::optional<UnixSeconds> deadline;
  std::optional<UnixSeconds> started_at;
  std::optional<UnixSeconds> finished_at;
  std::optional<UnixSeconds> retry_at;
  std::vector<std::pair<std::string, std::string>> labels;
  std::string idempotency_key;
  std::string webhook;
  std::string batch_id;
  std::string custom_id;
  std::string worker;
  std::string key_id;
  std::string error_code;
  std::string error_message;
  std::optional<TokenUsage> usage;
  std::optional<StoredResult> result;
  std::optional<JobWaiting> waiting;
  // Only when one job is asked for.
  std::vector<JobAttempt> history;
};

// Nothing will change it any more, but a retry.
bool is_final(const Job& job);

struct StoredFile {
  std::string id;
  std::string filename;
  std::string purpose;
  std::int64_t size_bytes = 0;
  std::optional<UnixSeconds> created_at;
  std::optional<UnixSeconds> expires_at;
};

struct BatchLineError {
  std::int64_t line = 0;
  std::string code;
  std::string message;
};

struct Batch {
  std::string id;
  std::string status;
  std::string endpoint;
  std::string completion_window;
  std::int64_t priority = 0;
  std::string input_file_id;
  std::string output_file_id;
  std::string error_file_id;
  std::int64_t total = 0;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  std::optional<UnixSeconds> created_at;
  std::optional<UnixSeconds> in_progress_at;
  std::optional<UnixSeconds> expires_at;
  // When it reached the state that it will keep.
  std::optional<UnixSeconds> ended_at;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<BatchLineError> errors;
};

bool is_final(const Batch& batch);

struct ModelQueue {
  std::string model;
  std::int64_t requests_waiting = 0;
  std::int64_t jobs_waiting = 0;
  std::int64_t running = 0;
  std::int64_t slots = 0;
  std::int64_t slots_busy = 0;
  std::optional<std::int64_t> estimate_seconds;
  std::string text;
};

struct KeyQueue {
  std::string key_id;
  std::string name;
  std::int64_t requests_waiting = 0;
  std::int64_t jobs_open = 0;
  std::int64_t running = 0;
};

// What was done since the coordinator's start.
struct WorkDone {
  std::int64_t requests = 0;
  std::int64_t jobs = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
};

struct QueueState {
  std::vector<ModelQueue> models;
  std::vector<KeyQueue> keys;
  std::int64_t workers_connected = 0;
  std::int64_t workers_quarantined = 0;
  std::int64_t requests_waiting = 0;
  std::int64_t requests_running = 0;
  std::int64_t jobs_waiting = 0;
  std::int64_t jobs_running = 0;
  std::int64_t slots_free = 0;
  std::int64_t slots_busy = 0;
  WorkDone done;
};

struct UsageRow {
  std::string day;
  std::string key_id;
  std::string key_name;
  std::string model;
  std::int64_t requests = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
};

struct AuditEntry {
  std::int64_t sequence = 0;
  std::optional<UnixSeconds> at;
  std::string actor;
  std::string action;
  std::string subject;
  // JSON; empty when there is nothing to say.
  std::string detail;
};

}  // namespace gogrid::client
