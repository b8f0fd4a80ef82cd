// What the store keeps: plain records, as they stand in the database and in the coordinator's memory. Values, any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "domain/job.hpp"
#include "domain/key.hpp"
#include "domain/memory_ledger.hpp"
#include "domain/model.hpp"

namespace gogrid::store {

using domain::KeyPolicy;

// An API key. The secret itself is nowhere: only its SHA-256 (hexadecimal).
struct KeyRecord {
  std::string id;
  std::string secret_sha256;
  std::string name;
  std::vector<std::string> scopes;
  SystemTime created_at;
  std::optional<SystemTime> expires_at;
  std::optional<SystemTime> revoked_at;
  std::optional<SystemTime> last_used_at;
  KeyPolicy policy;
};

// A join token.
struct TokenRecord {
  std::string id;
  std::string secret_sha256;
  std::string name;
  std::int64_t uses = 1;
  std::int64_t uses_left = 1;
  SystemTime created_at;
  SystemTime expires_at;
};

struct WorkerRecord {
  std::string id;
  // Unique among the workers that are not revoked.
  std::string name;
  std::string host_name;
  // Of the newest certificate.
  std::string certificate_serial;
  SystemTime certificate_expires_at;
  SystemTime enrolled_at;
  std::optional<SystemTime> last_seen_at;
  std::optional<SystemTime> revoked_at;
  // As it said when it was last connected.
  std::string version;
  std::string target;
  // What the administrator calls it by, for models that are only for some workers.
  std::map<std::string, std::string> labels;
};

struct ModelRecord {
  domain::Model model;
  // From the GGUF header; empty or 0 where it does not say.
  std::string title;
  std::string architecture;
  std::string quantization;
  std::uint64_t parameters = 0;
  // What the model was trained for; model.context_tokens is what it is served with.
  std::uint32_t trained_context_tokens = 0;
  bool has_chat_template = false;
  // Free words.
  std::vector<std::string> tags;
  SystemTime created_at;
};

// Another name for a model, or for an alias.
struct AliasRecord {
  std::string name;
  std::string target;
  SystemTime created_at;

  friend bool operator==(const AliasRecord&, const AliasRecord&) = default;
};

// A model that the coordinator fetches from a URL.
struct FetchRecord {
  std::string id;
  // What was asked for, and how far it is: a JSON object (see coordinator/fetch_plan.hpp). The URL's query
  // may hold a secret.
  std::string plan = "{}";
  // Empty while it goes on.
  std::string error;
  SystemTime created_at;

  friend bool operator==(const FetchRecord&, const FetchRecord&) = default;
};

struct EngineRecord {
  domain::EngineBundle bundle;
  std::string version;
  std::string flavour;
  SystemTime created_at;
};

// `model_file`: a file that a model will be made of.
enum class UploadKind { model, engine, model_file };
// "model_file"
std::string_view to_string(UploadKind kind);
std::optional<UploadKind> upload_kind_from_string(std::string_view text);

// An upload that is not complete; its bytes so far are in a file named after its SHA-256.
struct UploadRecord {
  std::string sha256;
  UploadKind kind = UploadKind::model;
  std::string name;
  std::uint64_t size_bytes = 0;
  // What the uploader wants of a model, instead of what its header says.
  std::optional<domain::ModelKind> model_kind;
  std::optional<std::uint32_t> context_tokens;
  std::optional<std::uint32_t> slots;
  SystemTime created_at;
};

// A job without its request and its result, which can be large and are read apart. Times to the millisecond.
struct JobRecord {
  domain::JobId id;
  std::string key_id;
  // As the request names it.
  std::string model;
  // "/v1/chat/completions"
  std::string endpoint;
  int priority = domain::default_priority;
  unsigned max_attempts = domain::default_max_attempts;
  SystemTime created_at;
  std::optional<SystemTime> not_before;
  std::optional<SystemTime> deadline;
  std::optional<std::string> idempotency_key;
  // Of everything that was asked for: the same idempotency key with another one is a conflict.
  std::string request_sha256;
  std::uint64_t request_bytes = 0;
  // A JSON object of strings.
  std::string labels = "{}";
  // Empty: none.
  std::string webhook_url;
  // Of a line of a batch; empty and 0 otherwise. Lines count from 1.
  domain::BatchId batch;
  std::int64_t batch_line = 0;
  std::string custom_id;

  // `running` is not stored: it is `leased` here.
  domain::JobState state = domain::JobState::queued;
  // Begun so far.
  unsigned attempts = 0;
  // Of the newest attempt.
  domain::LeaseId lease = 0;
  std::string worker_id;
  std::optional<SystemTime> leased_at;
  // Of one that waits after a failed attempt.
  std::optional<SystemTime> retry_at;
  std::optional<SystemTime> finished_at;
  // Of one that did not succeed.
  std::string error_code;
  std::string error_message;
  // Of the result: the engine's HTTP status (0: there is no result) and how it is stored: in `result_parts` parts.
  int status = 0;
  std::string content_type;
  std::uint64_t result_bytes = 0;
  std::int64_t result_parts = 0;
  std::uint64_t prompt_tokens = 0;
  std::uint64_t completion_tokens = 0;

  friend bool operator==(const JobRecord&, const JobRecord&) = default;
};

struct NewJob {
  // Its state is queued, or failed for a line of a batch that cannot run.
  JobRecord record;
  // The body of the inference request.
  std::string request;
};

// One attempt at a job that has ended.
struct AttemptRecord {
  // From 1.
  unsigned number = 0;
  domain::LeaseId lease = 0;
  std::string worker_id;
  SystemTime started_at;
  SystemTime ended_at;
  domain::AttemptOutcome outcome = domain::AttemptOutcome::failed;
  // For a person.
  std::string reason;

  friend bool operator==(const AttemptRecord&, const AttemptRecord&) = default;
};

// A notification that a job or a batch has ended, to be sent until it is taken.
struct WebhookRecord {
  // Given by the store.
  std::int64_t sequence = 0;
  // Stays the same over all tries, so that the receiver can tell repetitions: "evt_…".
  std::string id;
  std::string key_id;
  std::string url;
  // The body: JSON.
  std::string payload;
  unsigned attempts = 0;
  SystemTime next_at;

  friend bool operator==(const WebhookRecord&, const WebhookRecord&) = default;
};

// A job was given to a worker. Applies to a job that is queued or leased, and only with a larger lease than it has.
struct JobLeased {
  domain::JobId job;
  domain::LeaseId lease = 0;
  // Begun so far, this one counted.
  unsigned attempts = 0;
  std::string worker_id;
  SystemTime at;
};

// An attempt at a job, or the job itself, has ended. Applies only to a job that has not ended (see is_final), and with
// a `lease` other than 0 only while that is the job's.
struct JobEnded {
  domain::JobId job;
  domain::LeaseId lease = 0;
  // What ended, if an attempt did.
  std::optional<AttemptRecord> attempt;
  // Begun so far, when that is not what the lease said: its worker did not take it.
  std::optional<unsigned> attempts;
  // queued: it will be tried again, at retry_at if that is set; otherwise the end of the job.
  domain::JobState state = domain::JobState::queued;
  SystemTime at;
  std::optional<SystemTime> retry_at;
  std::string error_code;
  std::string error_message;
  // The result, when status is not 0: parts that were stored by put_result_part() before, and then `result`, if it is
  // not empty, as the last part.
  int status = 0;
  std::string content_type;
  std::int64_t parts_before = 0;
  std::uint64_t bytes_before = 0;
  std::string result;
  std::uint64_t prompt_tokens = 0;
  std::uint64_t completion_tokens = 0;
  // Stored with it, or not at all.
  std::optional<WebhookRecord> webhook;
};

using JobChange = std::variant<JobLeased, JobEnded>;

struct JobFilter {
  // Empty and nullopt: any.
  std::string key_id;
  std::vector<domain::JobState> states;
  std::string model;
  domain::BatchId batch;
  // Each must be there with this value.
  std::vector<std::pair<std::string, std::string>> labels;
};

struct FileTag {
  static constexpr std::string_view prefix = "file-";
};
using FileId = OrderedId<FileTag>;

// A file of the Files API; its bytes are in the data directory, under its id.
struct FileRecord {
  FileId id;
  std::string key_id;
  std::string name;
  // "batch", "batch_output"
  std::string purpose;
  std::uint64_t size_bytes = 0;
  SystemTime created_at;
  std::optional<SystemTime> expires_at;

  friend bool operator==(const FileRecord&, const FileRecord&) = default;
};

enum class BatchState { validating, in_progress, finalizing, completed, failed, expired, cancelling, cancelled };
// "in_progress"
std::string_view to_string(BatchState state);
// nullopt for what to_string() does not give.
std::optional<BatchState> batch_state_from_string(std::string_view text);

struct BatchRecord {
  domain::BatchId id;
  std::string key_id;
  std::string endpoint;
  std::string completion_window;
  FileId input_file;
  // Empty until they are made.
  FileId output_file;
  FileId error_file;
  // A JSON object of strings.
  std::string metadata = "{}";
  // A JSON array: why the whole batch failed.
  std::string errors = "[]";
  BatchState state = BatchState::validating;
  int priority = domain::default_priority;
  SystemTime created_at;
  SystemTime expires_at;
  std::optional<SystemTime> in_progress_at;
  std::optional<SystemTime> finalizing_at;
  std::optional<SystemTime> completed_at;
  std::optional<SystemTime> failed_at;
  std::optional<SystemTime> expired_at;
  std::optional<SystemTime> cancelling_at;
  std::optional<SystemTime> cancelled_at;
  // Lines of the input file in all; 0 until it has been read to its end once.
  std::int64_t total_lines = 0;
  // How far lines have become jobs: lines, and bytes of the file.
  std::int64_t fed_lines = 0;
  std::uint64_t fed_bytes = 0;
  // How its lines ended; set when it has, for its jobs are removed some day.
  std::int64_t succeeded_lines = 0;
  std::int64_t failed_lines = 0;

  friend bool operator==(const BatchRecord&, const BatchRecord&) = default;
};

// How the jobs of a batch stand.
struct BatchCounts {
  std::int64_t open = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;  // cancelled and expired ones too

  friend bool operator==(const BatchCounts&, const BatchCounts&) = default;
};

// What a key used of a model on one day.
struct UsageRecord {
  // Days since 1970 (UTC).
  std::int64_t day = 0;
  std::string key_id;
  // Its name.
  std::string model;
  std::int64_t requests = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;

  friend bool operator==(const UsageRecord&, const UsageRecord&) = default;
};

// What a model was measured to take of memory. The time to the millisecond.
struct MemoryRecord {
  domain::MemoryKey key;
  domain::MeasuredMemory memory;
  SystemTime measured_at;

  friend bool operator==(const MemoryRecord&, const MemoryRecord&) = default;
};

// One administrative act. Never changed or removed once it is stored.
struct AuditRecord {
  // Given by the store.
  std::int64_t sequence = 0;
  SystemTime at;
  // Id of the key that did it; "local" for a command on the coordinator's own machine, "worker" for one that joined.
  std::string actor;
  // "key.create"
  std::string action;
  // Id of what it was done to.
  std::string subject;
  // A JSON object of what else is worth knowing; never a secret.
  std::string detail = "{}";

  friend bool operator==(const AuditRecord&, const AuditRecord&) = default;
};

}  // namespace gogrid::store
