// Typed client of the coordinator's HTTPS API. Errors are one line for a person that says what to do next; their code
// is that of the HTTP status, or `unavailable` and `unauthenticated` of a server that cannot be reached or trusted (see
// reached()). Used on its executor's thread; calls may overlap. Cancelling a call's coroutine closes its connection.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "client/chat.hpp"
#include "client/queue_types.hpp"
#include "client/server_address.hpp"
#include "client/types.hpp"

namespace gogrid::client {

class ApiConnection;

struct ClientOptions {
  ServerAddress server;
  std::string api_key;
  // PEM authorities to trust; empty: the system's.
  std::string trusted_ca;
};

struct TokenRequest {
  std::string name;
  std::int64_t uses = 1;
  std::optional<std::int64_t> expires_in_seconds;
};

// What is not set is left as it is; of a new key: without a limit. A limit of 0 is none, an empty list every model.
struct KeyLimits {
  std::optional<std::vector<std::string>> models;
  std::optional<double> weight;
  std::optional<std::int64_t> requests_per_minute;
  std::optional<std::int64_t> tokens_per_minute;
  std::optional<std::int64_t> max_concurrent;
  std::optional<std::int64_t> max_queued;
};

struct KeyRequest {
  std::string name;
  std::vector<std::string> scopes;
  std::optional<std::int64_t> expires_in_seconds;
  KeyLimits limits;
};

struct KeyChange {
  std::optional<std::string> name;
  KeyLimits limits;
};

struct UploadRequest {
  std::string kind;  // "model_file" or "engine"
  std::string name;
  std::uint64_t size_bytes = 0;
  std::string sha256;
};

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

// What is not set is left as it is; of a new model: the coordinator's own choice.
struct ModelSettings {
  std::string kind;
  std::optional<std::int64_t> context_tokens;
  std::optional<std::int64_t> slots;
  std::string kv_type;
  // Jinja; empty: the model's own.
  std::optional<std::string> chat_template;
  std::optional<std::int64_t> idle_timeout_seconds;
  std::optional<std::int64_t> min_replicas;
  std::optional<std::int64_t> max_replicas;
  std::optional<NamedTexts> worker_labels;
  std::string gpu_policy;
  std::optional<std::vector<std::string>> gpus;
  std::optional<std::vector<std::string>> tags;
};

struct ModelRequest {
  std::string name;
  struct File {
    std::string sha256;
    std::optional<double> scale;
  };
  // Uploaded before. Of a model that is fetched: what is added to it.
  std::vector<File> files;
  ModelSettings settings;
};

struct UploadState {
  std::string id;
  // What the coordinator has on its disk.
  std::uint64_t offset_bytes = 0;
  // All of it is there, was checked, and is registered.
  bool complete = false;
};

// Fills the buffer with the next bytes of a part.
using PartSource = std::function<boost::asio::awaitable<Result<std::size_t>>(std::span<std::byte>)>;

struct JobRequest {
  std::string endpoint;
  // The inference request as JSON, sent as it is.
  std::string request;
  std::optional<std::int64_t> priority;
  std::optional<UnixSeconds> not_before;
  std::optional<UnixSeconds> deadline;
  std::optional<std::int64_t> max_attempts;
  std::string idempotency_key;
  NamedTexts labels;
  std::string webhook;
};

// Which jobs to list; what is empty does not narrow it.
struct JobQuery {
  std::vector<std::string> states;
  std::string model;
  std::string batch;
  NamedTexts labels;
  // A key's id, or "all": for keys with the scope admin.
  std::string key;
  std::string after;
  std::int64_t limit = 0;
};

struct BatchRequest {
  std::string input_file_id;
  std::string endpoint;
  std::string completion_window;
  std::optional<std::int64_t> priority;
  NamedTexts metadata;
};

struct FileUpload {
  std::string filename;
  std::uint64_t size_bytes = 0;
  // Fills the buffer with the file's next bytes.
  PartSource source;
};

// Takes a body piece by piece; an error ends the call with it.
using BodySink = std::function<Result<void>(std::string_view)>;

// What stands before a body that went to a BodySink.
struct BodyHead {
  std::string content_type;
  // Of the engine's answer; empty when it is no such answer.
  std::string engine_status;
};

struct UsageQuery {
  // "2026-11-28"; empty: the server's own choice.
  std::string from;
  std::string to;
  std::string key;
};

class CoordinatorClient {
 public:
  template <class T>
  using Reply = boost::asio::awaitable<Result<T>>;

  CoordinatorClient(boost::asio::any_io_executor executor, ClientOptions options);
  ~CoordinatorClient();
  CoordinatorClient(const CoordinatorClient&) = delete;
  CoordinatorClient& operator=(const CoordinatorClient&) = delete;

  const ServerAddress& server() const;
  // Whether the last call was answered by a server, whatever it said; true before the first.
  bool reached() const;

  Reply<Answer<GridStatus>> status();
  Reply<Answer<std::vector<Worker>>> workers();
  // `name` is a name or an id, here and below.
  // `live`: with what its hardware does just now, which the worker looks at for that.
  Reply<Answer<Worker>> worker(std::string name, bool live = false);
  Reply<void> revoke_worker(std::string name);
  Reply<Answer<Worker>> label_worker(std::string name, NamedTexts set, std::vector<std::string> remove);
  Reply<Answer<std::vector<Model>>> models();
  Reply<Answer<Model>> model(std::string name);
  Reply<void> remove_model(std::string name);
  Reply<Answer<Model>> add_model(ModelRequest request);
  Reply<Answer<Model>> change_model(std::string name, ModelSettings settings);
  // The coordinator fetches the model itself. `sha256` may be empty.
  Reply<Answer<ModelFetch>> begin_fetch(std::string url, std::string sha256, ModelRequest request);
  Reply<Answer<ModelFetch>> model_fetch(std::string id);
  Reply<Answer<std::vector<Alias>>> aliases();
  Reply<Answer<Alias>> set_alias(std::string name, std::string target);
  Reply<void> remove_alias(std::string name);
  Reply<Answer<std::vector<Engine>>> engines();
  Reply<void> remove_engine(std::string name);
  Reply<Answer<std::vector<JoinToken>>> tokens();
  Reply<Answer<JoinToken>> create_token(TokenRequest request);
  Reply<void> remove_token(std::string id);
  Reply<Answer<std::vector<ApiKey>>> keys();
  Reply<Answer<ApiKey>> create_key(KeyRequest request);
  Reply<Answer<ApiKey>> change_key(std::string id, KeyChange change);
  Reply<void> revoke_key(std::string id);

  Reply<Answer<std::vector<PendingUpload>>> uploads();
  Reply<void> remove_upload(std::string id);

  // The models a client may use (scope `inference`).
  Reply<Answer<std::vector<ServedModel>>> served_models();
  // Streams one answer to `sink` as it comes. Closing the connection (by cancellation) frees the engine.
  Reply<ChatSummary> chat(ChatRequest request, std::function<void(const ChatDelta&)> sink);
  // The whole answer as the server's JSON.
  Reply<std::string> chat_json(ChatRequest request);

  // Begins or finds the upload of those bytes; the state says where to go on.
  Reply<UploadState> begin_upload(UploadRequest request);
  // Sends `length` bytes that belong at `offset`. An offset that is not the coordinator's is no error: the state has
  // the right one.
  Reply<UploadState> upload_part(std::string id, std::uint64_t offset, std::uint64_t length, PartSource source);

  Reply<Answer<Job>> submit_job(JobRequest request);
  Reply<Answer<Page<Job>>> jobs(JobQuery query);
  Reply<Answer<Job>> job(std::string id);
  Reply<Answer<Job>> cancel_job(std::string id);
  Reply<Answer<Job>> retry_job(std::string id);
  Reply<BodyHead> job_result(std::string id, BodySink sink);
  // Tells `sink` of the job at once and of every change, and gives back its final state. A stream that ends before is
  // `protocol`; see client/follow_job.hpp for one that outlives it.
  Reply<Answer<Job>> watch_job(std::string id, std::function<void(const Job&)> sink);

  // Stores a batch's requests: JSON lines, sent in one go.
  Reply<Answer<StoredFile>> add_batch_file(FileUpload upload);
  Reply<Answer<Page<StoredFile>>> files(std::int64_t limit, std::string after);
  Reply<void> remove_file(std::string id);
  Reply<BodyHead> file_content(std::string id, BodySink sink);

  Reply<Answer<Batch>> create_batch(BatchRequest request);
  Reply<Answer<Page<Batch>>> batches(std::int64_t limit, std::string after);
  Reply<Answer<Batch>> batch(std::string id);
  Reply<Answer<Batch>> cancel_batch(std::string id);

  Reply<Answer<QueueState>> queue();
  Reply<Answer<std::vector<UsageRow>>> usage(UsageQuery query);
  // Those before the entry with that number; 0: the newest.
  Reply<Answer<Page<AuditEntry>>> audit(std::int64_t limit, std::int64_t before);

 private:
  std::unique_ptr<ApiConnection> api_;
};

}  // namespace gogrid::client
