// A lease on its way: the request to the worker, the answer from there into the store.
#include "coordinator/jobs/job_run.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.hpp"
#include "coordinator/api/inference_errors.hpp"
#include "coordinator/metrics.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using domain::AttemptEnd;
using domain::AttemptOutcome;
namespace {

// A result is stored in parts of about this size.
constexpr std::size_t part_bytes = 256 * 1024;
constexpr std::size_t max_reason_bytes = 500;

AttemptEnd end_with(AttemptOutcome outcome, std::string reason) {
  AttemptEnd end;
  end.outcome = outcome;
  end.reason = std::move(reason);
  if (end.reason.size() > max_reason_bytes) end.reason.resize(max_reason_bytes);
  return end;
}

// An engine's or a worker's refusal of the request itself.
bool is_about_the_request(ErrorCode code) {
  return code == ErrorCode::invalid_argument || code == ErrorCode::too_large || code == ErrorCode::unsupported;
}

// "error.message" of an engine's error; else how it began.
std::string message_in(const std::string& body) {
  const auto parsed = nlohmann::json::parse(body, nullptr, false);
  if (parsed.is_object() && parsed.contains("error") && parsed["error"].is_object()) {
    const auto message = parsed["error"].find("message");
    if (message != parsed["error"].end() && message->is_string()) return message->get<std::string>();
  }
  return body.substr(0, max_reason_bytes);
}

}  // namespace

void JobQueue::lease(const domain::Lease& lease, std::shared_ptr<WorkerLink> worker) {
  if (stopping_) return;
  store::JobLeased change;
  change.job = lease.job;
  change.lease = lease.lease;
  change.attempts = lease.attempt;
  change.worker_id = lease.worker.text();
  change.at = std::chrono::floor<std::chrono::milliseconds>(clock_.system_now());
  // Not waited for: should it be lost with the coordinator, a later lease is larger all the same.
  writer_.write(std::move(change));
  begin(Run::of(lease, std::move(worker)));
}

void JobQueue::resume(const domain::Resume& resume, std::shared_ptr<WorkerLink> worker) {
  log_event(spdlog::level::info, "worker is back with a job",
            {{"job", resume.job.text()}, {"worker", resume.worker.text()}});
  auto run = Run::of(resume, std::move(worker));
  run->resume = true;
  begin(std::move(run));
}

void JobQueue::begin(std::shared_ptr<Run> run) {
  const domain::JobId job = run->job;
  auto& current = runs_[run->lease];
  if (current) current->cut_off();
  current = run;
  changed(job);
  tasks_.spawn("job", serve(std::move(run)));
}

void JobQueue::revoke(const domain::Revoke& revoke) {
  const auto found = runs_.find(revoke.lease);
  if (found == runs_.end()) return;
  found->second->cut_off();
  runs_.erase(found);
}

asio::awaitable<void> JobQueue::serve(std::shared_ptr<Run> run) {
  // Nothing of it happens before the event that leased it has been carried out.
  co_await asio::post(executor_, asio::use_awaitable);
  auto end = co_await attempt(run);
  if (run->ended) co_return;
  if (end) {
    if (end->outcome == AttemptOutcome::failed || end->outcome == AttemptOutcome::refused) {
      // Not its reason: an engine may repeat the prompt there. The job's own history has it.
      log_event(spdlog::level::info, "an attempt at a job failed",
                {{"job", run->job.text()},
                 {"worker", run->worker->worker_id().text()},
                 {"outcome", std::string(domain::to_string(end->outcome))},
                 {"status", std::to_string(run->result.status)}});
    }
    dispatcher_.job_ended(run->job, run->lease, std::move(*end));
  }
  const auto current = runs_.find(run->lease);
  if (current != runs_.end() && current->second == run) runs_.erase(current);
}

void JobQueue::confirm_stored(const std::shared_ptr<Run>& run) {
  if (run && run->stream && !run->ended) tasks_.spawn("job confirmation", confirm(run));
}

asio::awaitable<void> JobQueue::confirm(std::shared_ptr<Run> run) { co_await run->stream->confirm(); }

asio::awaitable<Result<std::string>> JobQueue::request_of(domain::JobId id) {
  if (auto body = requests_.take(id)) co_return std::move(*body);
  co_return co_await store_.job_request(id);
}

asio::awaitable<std::optional<AttemptEnd>> JobQueue::attempt(std::shared_ptr<Run> run) {
  std::string body;
  if (!run->resume) {
    auto read = co_await request_of(run->job);
    if (run->ended) co_return std::nullopt;
    if (!read && read.error().code != ErrorCode::not_found) {
      writer_.suspect();
      co_return end_with(AttemptOutcome::refused, "its request could not be read: " + read.error().detail);
    }
    if (!read) co_return end_with(AttemptOutcome::failed, "its request is not in the store");
    body = std::move(*read);
  }
  auto opened = run->worker->open_stream();
  if (!opened) {
    if (!run->worker->is_open()) co_return std::nullopt;
    // What it keeps for this would only be in the way.
    if (run->resume) run->worker->release_leases({run->lease});
    co_return end_with(AttemptOutcome::refused, opened.error().detail);
  }
  run->stream = std::make_unique<WorkStream>(std::move(*opened));
  WorkStream::Request request;
  request.id = run->job.text();
  request.model_id = run->model.text();
  request.copy = run->copy;
  request.path = wire::path_of(run->endpoint);
  request.body = body;
  request.lease = run->lease;
  request.resume = run->resume;
  // Whatever comes of it, the worker may have answered.
  (void)co_await run->stream->send(std::move(request));
  if (run->ended) co_return std::nullopt;
  dispatcher_.job_running(run->job, run->lease);
  changed(run->job);
  co_return co_await read_answer(run);
}

asio::awaitable<std::optional<AttemptEnd>> JobQueue::read_answer(std::shared_ptr<Run> run) {
  for (;;) {
    auto part = co_await run->stream->next();
    if (run->ended) co_return std::nullopt;
    if (!part) co_return broken_off(*run, part.error());
    switch (part->kind) {
      case WorkStream::Part::Kind::response:
        run->result.status = part->status;
        run->result.content_type = std::move(part->content_type);
        break;
      case WorkStream::Part::Kind::data: {
        run->usage.feed(part->data);
        run->result.rest += part->data;
        const bool stored = run->result.rest.size() < part_bytes || co_await store_part(run);
        if (!stored) co_return std::nullopt;
        break;
      }
      case WorkStream::Part::Kind::end:
        if (!part->failure) co_return answer_complete(*run);
        if (is_about_the_request(part->failure->code)) {
          const ErrorResponse error(*part->failure);
          run->result = RunResult{error.status, "application/json", 0, 0, error.body()};
          co_return end_with(AttemptOutcome::rejected, part->failure->detail);
        }
        // A worker whose owner wants the machine gives up also what it has begun to answer.
        co_return end_with(run->result.status == 0 || part->failure->code == ErrorCode::unavailable
                               ? AttemptOutcome::refused
                               : AttemptOutcome::failed,
                           part->failure->detail);
    }
  }
}

asio::awaitable<bool> JobQueue::store_part(std::shared_ptr<Run> run) {
  // The lease must be known to the store before its parts are.
  co_await writer_.flushed();
  for (;;) {
    if (run->ended) co_return false;
    std::string bytes = run->result.rest;
    const auto stored = co_await store_.put_result_part(run->job, run->lease, run->result.parts, std::move(bytes));
    if (stored) break;
    if (stored.error().code == ErrorCode::conflict) co_return false;
    // Meanwhile the worker waits.
    writer_.suspect();
    co_await writer_.flushed();
    if (stopping_) co_return false;
  }
  ++run->result.parts;
  run->result.part_bytes += run->result.rest.size();
  run->result.rest.clear();
  co_return !run->ended;
}

std::optional<AttemptEnd> JobQueue::answer_complete(Run& run) const {
  RunResult& result = run.result;
  // The engine is starting or full: not here, not now.
  if (result.status == 503 || result.status == 429) return end_with(AttemptOutcome::refused, message_in(result.rest));
  if (result.status >= 500) return end_with(AttemptOutcome::failed, message_in(result.rest));
  AttemptEnd end;
  if (result.status >= 400) {
    end = end_with(AttemptOutcome::rejected, message_in(result.rest));
    result.rest = normalise_engine_error(run.endpoint, result.status, result.rest);
    result.content_type = "application/json";
    return end;
  }
  end.outcome = AttemptOutcome::succeeded;
  const auto usage = result.parts == 0 ? wire::read_usage(result.rest) : run.usage.usage();
  end.usage = usage.value_or(domain::Usage{});
  return end;
}

std::optional<AttemptEnd> JobQueue::broken_off(const Run& run, const Error& error) const {
  // That the worker is gone is told by its session, and the job waits for it to come back.
  if (!run.worker->is_open()) return std::nullopt;
  return end_with(AttemptOutcome::failed, "the worker broke it off: " + error.detail);
}

}  // namespace gogrid::coordinator
