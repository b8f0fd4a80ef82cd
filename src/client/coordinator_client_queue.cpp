// CoordinatorClient's calls for jobs, files, batches, the queue, usage and the audit log.
#include <array>

#include "base/encoding.hpp"
#include "client/api_connection.hpp"
#include "client/multipart.hpp"
#include "client/read_queue_json.hpp"

namespace gogrid::client {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

// "?name=value&name=value" of what is not empty.
class Query {
 public:
  explicit Query(std::string path) : text_(std::move(path)) {}

  Query& add(std::string_view name, std::string_view value) {
    if (value.empty()) return *this;
    text_ += has_any_ ? '&' : '?';
    has_any_ = true;
    text_ += std::string(name) + "=" + segment(value);
    return *this;
  }
  Query& add(std::string_view name, std::int64_t value) { return value > 0 ? add(name, std::to_string(value)) : *this; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool has_any_ = false;
};

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts)
    out += (out.empty() ? "" : ",") + text;
  return out;
}

std::string joined(const NamedTexts& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs)
    out += (out.empty() ? "" : ",") + name + "=" + value;
  return out;
}

json object_of(const NamedTexts& pairs) {
  json out = json::object();
  for (const auto& [name, value] : pairs)
    out[name] = value;
  return out;
}

std::string job_path(const std::string& id) { return "/api/v1/jobs/" + segment(id); }

// The request goes in as it was given: numbers keep their digits, members their order.
std::string job_body(const JobRequest& request) {
  json body = json::object();
  if (!request.endpoint.empty()) body["endpoint"] = request.endpoint;
  if (request.priority) body["priority"] = *request.priority;
  if (request.not_before) body["not_before"] = *request.not_before;
  if (request.deadline) body["deadline"] = *request.deadline;
  if (request.max_attempts) body["max_attempts"] = *request.max_attempts;
  if (!request.idempotency_key.empty()) body["idempotency_key"] = request.idempotency_key;
  if (!request.labels.empty()) body["labels"] = object_of(request.labels);
  if (!request.webhook.empty()) body["webhook"] = request.webhook;
  std::string text = to_json(body);
  text.pop_back();
  return text + (body.empty() ? "" : ",") + "\"request\":" + request.request + "}";
}

// Reads the events of a job; knows when it is over.
class JobEvents {
 public:
  JobEvents(const ApiConnection& api, const std::function<void(const Job&)>& sink) : api_(api), sink_(sink) {}

  void take(const std::string& data) {
    if (failure_ || last_is_final()) return;
    auto answer = api_.read<Job>(data);
    if (!answer) {
      failure_ = answer.error();
      return;
    }
    last_ = std::move(*answer);
    if (sink_) sink_(last_->value);
  }
  bool last_is_final() const { return last_ && is_final(last_->value); }
  const std::optional<Error>& failure() const { return failure_; }
  const std::optional<Answer<Job>>& last() const { return last_; }

 private:
  const ApiConnection& api_;
  const std::function<void(const Job&)>& sink_;
  std::optional<Answer<Job>> last_;
  std::optional<Error> failure_;
};

}  // namespace

asio::awaitable<Result<Answer<Job>>> CoordinatorClient::submit_job(JobRequest request) {
  return api_->post<Job>("/api/v1/jobs", job_body(request));
}

asio::awaitable<Result<Answer<Page<Job>>>> CoordinatorClient::jobs(JobQuery query) {
  Query target("/api/v1/jobs");
  target.add("state", joined(query.states)).add("model", query.model).add("batch", query.batch);
  target.add("label", joined(query.labels)).add("key", query.key).add("limit", query.limit).add("after", query.after);
  return api_->get<Page<Job>>(target.text());
}

asio::awaitable<Result<Answer<Job>>> CoordinatorClient::job(std::string id) { return api_->get<Job>(job_path(id)); }

asio::awaitable<Result<Answer<Job>>> CoordinatorClient::cancel_job(std::string id) {
  return api_->ask<Job>("DELETE", job_path(id), "");
}

asio::awaitable<Result<Answer<Job>>> CoordinatorClient::retry_job(std::string id) {
  return api_->post<Job>(job_path(id) + "/retry", "");
}

asio::awaitable<Result<BodyHead>> CoordinatorClient::job_result(std::string id, BodySink sink) {
  return api_->fetch(job_path(id) + "/result", std::move(sink));
}

asio::awaitable<Result<Answer<Job>>> CoordinatorClient::watch_job(std::string id,
                                                                  std::function<void(const Job&)> sink) {
  net::HttpClientRequest request;
  request.target = job_path(id) + "/events";
  request.headers.set("accept", "text/event-stream");
  auto response = co_await api_->send(ApiConnection::Pace::watching, std::move(request));
  if (!response) co_return response.error();
  net::SseParser parser;
  JobEvents events(*api_, sink);
  const auto on_event = [&events](const net::SseParser::Event& event) {
    if (event.event.empty() || event.event == "job") events.take(event.data);
  };
  std::array<std::byte, 16 * 1024> buffer;
  while (!events.failure() && !events.last_is_final()) {
    const auto count = co_await (*response)->read_some(buffer);
    if (!count) co_return count.error();
    if (*count == 0) co_return Error(ErrorCode::protocol, "the job's events ended before the job did");
    const auto fed = parser.feed(as_text(std::span(buffer).first(*count)), on_event);
    if (!fed) co_return fed.error();
  }
  if (events.failure()) co_return *events.failure();
  co_return *events.last();
}

asio::awaitable<Result<Answer<StoredFile>>> CoordinatorClient::add_batch_file(FileUpload upload) {
  MultipartFile body(std::move(upload));
  body.add_field("purpose", "batch");
  net::HttpClientRequest request;
  request.method = "POST";
  request.target = "/v1/files";
  request.headers.set("accept", "application/json");
  request.headers.set("content-type", body.content_type());
  request.body_length_bytes = body.length();
  request.body_source = [&body](std::span<std::byte> buffer) { return body.next(buffer); };
  auto response = co_await api_->send(ApiConnection::Pace::patient, std::move(request));
  if (!response) co_return response.error();
  auto text = co_await (*response)->read_all(max_answer_bytes);
  if (!text) co_return text.error();
  co_return api_->read<StoredFile>(std::move(*text));
}

asio::awaitable<Result<Answer<Page<StoredFile>>>> CoordinatorClient::files(std::int64_t limit, std::string after) {
  Query target("/v1/files");
  target.add("limit", limit).add("after", after);
  return api_->get<Page<StoredFile>>(target.text());
}

asio::awaitable<Result<void>> CoordinatorClient::remove_file(std::string id) {
  return api_->remove("/v1/files/" + segment(id));
}

asio::awaitable<Result<BodyHead>> CoordinatorClient::file_content(std::string id, BodySink sink) {
  return api_->fetch("/v1/files/" + segment(id) + "/content", std::move(sink));
}

asio::awaitable<Result<Answer<Batch>>> CoordinatorClient::create_batch(BatchRequest request) {
  json body{{"input_file_id", request.input_file_id},
            {"endpoint", request.endpoint},
            {"completion_window", request.completion_window}};
  if (request.priority) body["priority"] = *request.priority;
  if (!request.metadata.empty()) body["metadata"] = object_of(request.metadata);
  return api_->post<Batch>("/v1/batches", to_json(body));
}

asio::awaitable<Result<Answer<Page<Batch>>>> CoordinatorClient::batches(std::int64_t limit, std::string after) {
  Query target("/v1/batches");
  target.add("limit", limit).add("after", after);
  return api_->get<Page<Batch>>(target.text());
}

asio::awaitable<Result<Answer<Batch>>> CoordinatorClient::batch(std::string id) {
  return api_->get<Batch>("/v1/batches/" + segment(id));
}

asio::awaitable<Result<Answer<Batch>>> CoordinatorClient::cancel_batch(std::string id) {
  return api_->post<Batch>("/v1/batches/" + segment(id) + "/cancel", "");
}

asio::awaitable<Result<Answer<QueueState>>> CoordinatorClient::queue() {
  return api_->get<QueueState>("/api/v1/queue");
}

asio::awaitable<Result<Answer<std::vector<UsageRow>>>> CoordinatorClient::usage(UsageQuery query) {
  Query target("/api/v1/usage");
  target.add("from", query.from).add("to", query.to).add("key", query.key);
  return api_->get<std::vector<UsageRow>>(target.text());
}

asio::awaitable<Result<Answer<Page<AuditEntry>>>> CoordinatorClient::audit(std::int64_t limit, std::int64_t before) {
  Query target("/api/v1/audit");
  target.add("limit", limit).add("before", before);
  return api_->get<Page<AuditEntry>>(target.text());
}

}  // namespace gogrid::client
