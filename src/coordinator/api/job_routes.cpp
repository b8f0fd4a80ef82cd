// Jobs: /api/v1/jobs. A key sees its own; one with the scope admin sees all.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/body_memory.hpp"
#include "coordinator/api/job_fields.hpp"
#include "coordinator/api/job_json.hpp"
#include "coordinator/api/json_fields.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::ordered_json;
namespace {

// Bodies of submissions that are being read or stored.
constexpr std::size_t max_held_bytes = 256 * 1024 * 1024;
// How often an observer is told where a waiting job stands, and that a quiet stream is alive.
constexpr std::chrono::seconds waiting_interval{1};
constexpr std::chrono::seconds keep_alive_interval{15};

struct JobApi {
  explicit JobApi(JobSources its_sources) : sources(std::move(its_sources)), memory(max_held_bytes) {}
  JobSources sources;
  BodyMemory memory;
};
using Api = std::shared_ptr<JobApi>;

ErrorResponse no_such_job() { return ErrorResponse(404, "there is no such job", "job_not_found"); }

bool may_see(const ApiRequest& request, const store::JobRecord& job) {
  return request.key->admin || request.key->id == job.key_id;
}

std::string text_of(const ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

ordered_json shown(const JobApi& api, const store::JobRecord& job) {
  const bool waits = job.state == domain::JobState::queued || job.state == domain::JobState::leased;
  return job_json(job, waits ? api.sources.queue.explain(job.id) : std::nullopt);
}

// The job that the path names, if the caller may see it.
asio::awaitable<ApiResult<store::JobRecord>> find(ApiRequest& request, const JobApi& api) {
  const auto id = domain::JobId::parse(request.parameters[0]);
  if (!id) co_return no_such_job();
  auto job = co_await api.sources.queue.find(*id);
  if (!job) co_return ErrorResponse(job.error());
  if (!*job || !may_see(request, **job)) co_return no_such_job();
  co_return std::move(**job);
}

asio::awaitable<void> submit(ApiRequest& request, Api api) {
  BodyMemory::Hold hold(api->memory);
  auto body = co_await read_body(request.exchange, hold, api->sources.max_body_bytes);
  if (!body) co_return co_await respond_error(request.exchange, body.error());
  auto wanted = read_job(*body, request.head(), api->sources.clock.system_now());
  if (!wanted) co_return co_await respond_error(request.exchange, wanted.error());
  body->clear();
  if (!wanted->webhook_url.empty()) {
    if (const auto checked = api->sources.check_webhook(wanted->webhook_url); !checked) {
      ErrorResponse error(400, checked.error().detail, "invalid_value", "webhook");
      co_return co_await respond_error(request.exchange, std::move(error));
    }
  }
  wanted->key_id = request.key->id;
  wanted->allowed_models = request.key->models;
  auto prepared = api->sources.queue.make_job(std::move(*wanted));
  if (!prepared) co_return co_await respond_error(request.exchange, prepared.error());
  auto submitted = co_await api->sources.queue.submit(std::move(*prepared));
  if (!submitted) co_return co_await respond_error(request.exchange, submitted.error());
  api->sources.queue.update(submitted->record);
  std::string text = text_of(shown(*api, submitted->record));
  const int status = submitted->is_new ? 201 : 200;
  co_await respond_json(request.exchange, status, std::move(text));
}

asio::awaitable<void> list(ApiRequest& request, Api api) {
  auto listing = read_job_listing(request.head());
  if (!listing) co_return co_await respond_error(request.exchange, listing.error());
  const bool others = !listing->key.empty() && listing->key != request.key->id;
  if (others && !request.key->admin) {
    ErrorResponse error(403, "only a key with the scope admin may list the jobs of others", "permission_denied", "key");
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  if (listing->key != "all") listing->filter.key_id = listing->key.empty() ? request.key->id : listing->key;
  // One more tells whether there are more.
  auto jobs = co_await api->sources.store.list_jobs(listing->filter, listing->before, listing->limit + 1);
  if (!jobs) co_return co_await respond_error(request.exchange, ErrorResponse(jobs.error()));
  const bool more = jobs->size() > listing->limit;
  if (more) jobs->pop_back();
  ordered_json data = ordered_json::array();
  for (auto& job : *jobs) {
    api->sources.queue.update(job);
    data.push_back(shown(*api, job));
  }
  ordered_json answer{{"object", "list"}, {"data", std::move(data)}, {"has_more", more}, {"next", nullptr}};
  if (more) answer["next"] = jobs->back().id.text();
  std::string text = text_of(answer);
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> show(ApiRequest& request, Api api) {
  auto job = co_await find(request, *api);
  if (!job) co_return co_await respond_error(request.exchange, job.error());
  const auto attempts = co_await api->sources.store.list_attempts(job->id);
  if (!attempts) co_return co_await respond_error(request.exchange, ErrorResponse(attempts.error()));
  ordered_json answer = shown(*api, *job);
  answer["history"] = history_json(*attempts);
  std::string text = text_of(answer);
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> cancel(ApiRequest& request, Api api) {
  auto job = co_await find(request, *api);
  if (!job) co_return co_await respond_error(request.exchange, job.error());
  if (!api->sources.queue.cancel(job->id, "cancelled by " + request.key->name)) {
    ErrorResponse error(409, "the job has ended already", "job_finished");
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  // Durable before it is answered.
  co_await api->sources.queue.stored();
  job = co_await find(request, *api);
  if (!job) co_return co_await respond_error(request.exchange, job.error());
  std::string text = text_of(shown(*api, *job));
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> retry(ApiRequest& request, Api api) {
  auto job = co_await find(request, *api);
  if (!job) co_return co_await respond_error(request.exchange, job.error());
  job = co_await api->sources.queue.retry(job->id);
  if (!job) co_return co_await respond_error(request.exchange, job.error());
  api->sources.queue.update(*job);
  std::string text = text_of(shown(*api, *job));
  co_await respond_json(request.exchange, 200, std::move(text));
}

std::optional<ErrorResponse> no_result(const store::JobRecord& job) {
  if (!domain::is_final(job.state))
    return ErrorResponse(409, "the job has not ended yet: wait for it", "job_not_finished");
  if (job.status != 0) return std::nullopt;
  const std::string state(domain::to_string(job.state));
  return ErrorResponse(409, "the job has no result: it is " + state + " (" + job.error_message + ")", "job_" + state);
}

asio::awaitable<void> result(ApiRequest& request, Api api) {
  const auto job = co_await find(request, *api);
  if (!job) co_return co_await respond_error(request.exchange, job.error());
  if (auto none = no_result(*job)) co_return co_await respond_error(request.exchange, std::move(*none));
  net::ResponseHead head;
  head.headers.add("Content-Type", job->content_type);
  head.headers.add("Content-Length", std::to_string(job->result_bytes));
  head.headers.add("x-gogrid-engine-status", std::to_string(job->status));
  Result<std::string> bytes = std::string();
  if (job->result_parts > 0) bytes = co_await api->sources.store.result_part(job->id, 0);
  if (!bytes) co_return co_await respond_error(request.exchange, ErrorResponse(bytes.error()));
  if (!co_await request.exchange.start(std::move(head))) co_return;
  for (std::int64_t part = 0; part < job->result_parts; ++part) {
    if (part > 0) bytes = co_await api->sources.store.result_part(job->id, part);
    // Begun without an end the connection is closed, which tells the client.
    if (!bytes || !co_await request.exchange.write(*bytes)) co_return;
  }
  (void)co_await request.exchange.finish();
}

// One client that follows a job.
class Events {
 public:
  Events(ApiRequest& request, Api api, asio::any_io_executor executor)
      : request_(request), api_(std::move(api)), timer_(executor) {
    request_.exchange.watch_disconnect([this] { end(); });
    request_.on_revoke = [this] { end(); };
  }
  ~Events() {
    request_.exchange.watch_disconnect({});
    request_.on_revoke = nullptr;
  }

  asio::awaitable<void> run(domain::JobId id) {
    const auto watch = api_->sources.queue.watch(id, [this] {
      changed_ = true;
      timer_.cancel();
    });
    net::ResponseHead head;
    head.headers.add("Content-Type", "text/event-stream");
    head.headers.add("Cache-Control", "no-cache");
    head.headers.add("X-Accel-Buffering", "no");
    if (!co_await request_.exchange.start(std::move(head))) co_return;
    while (!gone_) {
      changed_ = false;
      auto job = co_await api_->sources.queue.find(id);
      if (!job || !*job) break;
      const auto written = co_await tell(**job);
      if (!written || domain::is_final((*job)->state) || request_.revoked()) break;
      const bool waits = api_->sources.queue.explain(id).has_value();
      timer_.expires_after(waits ? waiting_interval : keep_alive_interval);
      while (!changed_ && !gone_) {
        const auto [error] = co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        if (!error) break;
      }
    }
    (void)co_await request_.exchange.finish();
  }

 private:
  void end() {
    gone_ = true;
    timer_.cancel();
  }

  asio::awaitable<Result<void>> tell(const store::JobRecord& job) {
    std::string text = text_of(shown(*api_, job));
    std::string event = text == last_ ? ": keep-alive\n\n" : "event: job\ndata: " + text + "\n\n";
    last_ = std::move(text);
    co_return co_await request_.exchange.write(event);
  }

  ApiRequest& request_;
  Api api_;
  asio::steady_timer timer_;
  std::string last_;
  bool changed_ = false;
  bool gone_ = false;
};

asio::awaitable<void> events(ApiRequest& request, Api api) {
  const auto job = co_await find(request, *api);
  if (!job) co_return co_await respond_error(request.exchange, job.error());
  Events stream(request, std::move(api), co_await asio::this_coro::executor);
  co_await stream.run(job->id);
}

}  // namespace

void mount_job_routes(Router& router, JobSources sources) {
  const auto api = std::make_shared<JobApi>(std::move(sources));
  const auto add = [&](const char* method, const char* pattern, asio::awaitable<void> (*handler)(ApiRequest&, Api)) {
    router.add(method, pattern, Scope::any, [api, handler](ApiRequest& request) { return handler(request, api); });
  };
  router.add("POST", "/api/v1/jobs", Scope::inference, [api](ApiRequest& request) { return submit(request, api); });
  add("GET", "/api/v1/jobs", list);
  add("GET", "/api/v1/jobs/{id}", show);
  add("DELETE", "/api/v1/jobs/{id}", cancel);
  add("POST", "/api/v1/jobs/{id}/retry", retry);
  add("GET", "/api/v1/jobs/{id}/result", result);
  add("GET", "/api/v1/jobs/{id}/events", events);
}

}  // namespace gogrid::coordinator
