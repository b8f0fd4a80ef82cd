#include "coordinator/api/forward.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "coordinator/api/inference_errors.hpp"
#include "coordinator/metrics.hpp"
#include "coordinator/usage.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace {

// An answer up to this long is sent in one piece with its length.
constexpr std::size_t max_whole_bytes = 64 * 1024;
// Engines' errors are short; what is longer is not passed on.
constexpr std::size_t max_error_bytes = 64 * 1024;
// An event without an end is passed on piece by piece once it is this long.
constexpr std::size_t max_held_bytes = 64 * 1024;
// An answer that nobody adds anything to is given up when so many workers have failed with it, or were lost: what kills
// engines must not go round.
constexpr unsigned max_failures = 3;
constexpr unsigned max_losses = 8;
// nginx's for a client that closed the connection; nobody sees it but the log and the metrics.
constexpr int status_client_gone = 499;

bool is_event_stream(std::string_view content_type) { return content_type.starts_with("text/event-stream"); }

// Where the last complete event ends: after a blank line (WHATWG HTML §9.2.6).
std::size_t end_of_events(std::string_view bytes) {
  for (std::size_t at = bytes.rfind('\n'); at != bytes.npos && at > 0; at = bytes.rfind('\n', at - 1)) {
    if (bytes[at - 1] == '\n') return at + 1;
    if (at > 1 && bytes[at - 1] == '\r' && bytes[at - 2] == '\n') return at + 1;
  }
  return 0;
}

// A worker that cannot do it now: another one may. The rest is about the request itself.
bool worth_another_try(ErrorCode code) {
  return code != ErrorCode::invalid_argument && code != ErrorCode::too_large && code != ErrorCode::unsupported;
}

ErrorResponse lost_worker() {
  return ErrorResponse(503, "the worker that ran this request was lost before its answer was complete; send it again",
                       "worker_lost");
}

ErrorResponse not_taken_over(const std::string& reason) {
  return ErrorResponse(503,
                       "the worker that ran this request was lost before its answer was complete, and no other one "
                       "could go on with it: " +
                           reason + "; send it again",
                       "worker_lost");
}

net::ResponseHead response_head(int status, std::string content_type, const domain::WorkerId& worker) {
  net::ResponseHead head;
  head.status = status;
  const bool printable =
      !content_type.empty() && content_type.size() <= 256 &&
      std::all_of(content_type.begin(), content_type.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (is_event_stream(content_type)) {
    head.headers.add("Cache-Control", "no-cache");
    // Proxies that buffer must not (nginx).
    head.headers.add("X-Accel-Buffering", "no");
  }
  head.headers.add("Content-Type", printable ? std::move(content_type) : "application/octet-stream");
  head.headers.add("x-gogrid-worker", worker.text());
  return head;
}

}  // namespace

Forward::Forward(ApiRequest& request, Dispatcher& dispatcher, UsageMeter& usage, Metrics& metrics, const Clock& clock,
                 Work work)
    : request_(request),
      exchange_(request.exchange),
      dispatcher_(dispatcher),
      meter_(usage),
      metrics_(metrics),
      clock_(clock),
      work_(std::move(work)) {
  metrics_.request_began();
}

Forward::~Forward() {
  exchange_.watch_disconnect({});
  request_.on_revoke = nullptr;
  metrics_.request_ended();
}

asio::awaitable<void> Forward::run() {
  domain::Request wanted;
  wanted.id = domain::RequestId(request_.id);
  wanted.model = work_.model.id;
  wanted.deadline = work_.wait_until;
  if (request_.key) wanted.key = domain::KeyId(request_.key->id);
  wanted.prompt_tokens = work_.prompt_tokens;
  wanted.prefixes = std::move(work_.prefixes);
  ticket_ = dispatcher_.submit(std::move(wanted));
  exchange_.watch_disconnect([this] {
    gone_ = true;
    cut_off();
  });
  request_.on_revoke = [this] { cut_off(); };
  // While its body came.
  if (request_.revoked()) cut_off();
  for (;;) {
    Dispatcher::Slot slot;
    if (migrations_ > 0) {
      slot = co_await ticket_->next_slot(work_.migration.takeover_timeout);
    } else {
      slot = co_await ticket_->slot();
    }
    if (cut_off_) break;
    if (slot.rejection && migrations_ > 0) {
      ErrorResponse error = not_taken_over(slot.rejection->text);
      co_await end_stream(std::move(error));
      co_return;
    }
    if (slot.rejection) {
      ErrorResponse error = to_error_response(work_.model.name, *slot.rejection);
      co_await respond_error(exchange_, std::move(error), style_of(work_.endpoint));
      co_return;
    }
    const std::shared_ptr<WorkerLink> link = slot.worker;
    const domain::WorkerId worker = link->worker_id();
    Outcome outcome = Outcome::done;
    if (migrations_ > 0) {
      outcome = co_await go_on(std::move(slot.worker), slot.copy);
    } else {
      outcome = co_await attempt(std::move(slot.worker), slot.copy);
    }
    stream_.reset();
    if (outcome == Outcome::interrupted && !cut_off_) {
      if (migrations_ == 0) continuation_ = std::make_unique<wire::Continuation>(work_.endpoint, work_.body);
      ++migrations_;
      if (link->is_open()) {
        ++failures_;
      } else if (std::exchange(begun_, false)) {
        ++losses_;
      }
      if (!std::exchange(seam_open_, true)) interrupted_at_ = clock_.steady_now();
      log_event(spdlog::level::info, "request lost its worker in the middle of the answer; another one goes on",
                {{"request", request_.id}, {"worker", worker.text()}});
      held_.clear();
      continue;
    }
    account();
    if (outcome == Outcome::done && exchange_.started()) co_return;
    if (cut_off_) break;
    if (outcome == Outcome::done) co_return;
    log_event(spdlog::level::info, "request lost its worker before the answer; trying again",
              {{"request", request_.id}, {"worker", worker.text()}});
    ++retries_;
    held_.clear();
  }
  if (answered_) {
    ErrorResponse error = key_revoked();
    co_return co_await end_stream(std::move(error));
  }
  co_await answer_cut_off();
}

void Forward::cut_off() {
  cut_off_ = true;
  if (stream_) stream_->cancel();
  if (takeover_) takeover_->cancel();
  if (ticket_) ticket_->cancel();
}

asio::awaitable<void> Forward::answer_cut_off() {
  if (exchange_.started()) co_return;
  if (!gone_) co_return co_await respond_error(exchange_, key_revoked(), style_of(work_.endpoint));
  net::ResponseHead head;
  head.status = status_client_gone;
  std::string body;
  (void)co_await exchange_.respond(std::move(head), std::move(body));
}

asio::awaitable<Forward::Outcome> Forward::attempt(std::shared_ptr<WorkerLink> worker, std::uint32_t copy) {
  auto opened = worker->open_stream();
  if (!opened) co_return Outcome::lost;
  stream_ = std::make_unique<WorkStream>(std::move(*opened));
  if (cut_off_) {
    stream_->cancel();
    co_return Outcome::done;
  }
  WorkStream::Request request;
  request.id = request_.id;
  request.model_id = work_.model.id.text();
  request.copy = copy;
  request.path = wire::path_of(work_.endpoint);
  request.body = work_.body;
  // Whatever comes of it, the worker may have answered.
  const Result<void> sent = co_await stream_->send(std::move(request));
  auto part = co_await stream_->next();
  if (!part) {
    log().debug("request {}: {}", request_.id, sent ? part.error().detail : sent.error().detail);
    co_return Outcome::lost;
  }
  if (part->kind == WorkStream::Part::Kind::end) {
    if (!part->failure || worth_another_try(part->failure->code)) {
      log_event(spdlog::level::info, "worker refused a request",
                {{"request", request_.id},
                 {"worker", worker->worker_id().text()},
                 {"reason", part->failure ? std::string_view(part->failure->detail) : "no answer"}});
      co_return Outcome::lost;
    }
    ErrorResponse error(*part->failure);
    co_await respond_error(exchange_, std::move(error), style_of(work_.endpoint));
    co_return Outcome::done;
  }
  net::ResponseHead head = response_head(part->status, std::move(part->content_type), worker->worker_id());
  if (retries_ > 0) head.headers.add("x-gogrid-migrations", std::to_string(retries_));
  const auto content_type = head.headers.get("Content-Type");
  const bool events = is_event_stream(*content_type);
  // The engine is (re)starting: the worker's report was older than that.
  if (head.status == 503) co_return Outcome::lost;
  if (head.status >= 400) co_return co_await pass_error(std::move(head));
  if (events) co_return co_await pass_stream(std::move(head));
  co_return co_await pass_whole(std::move(head));
}

asio::awaitable<Result<void>> Forward::begin(net::ResponseHead& head) {
  note_first_byte();
  answered_ = true;
  auto started = co_await exchange_.start(std::move(head));
  if (!record_) {
    // No other attempt from here on.
    work_.body = std::string();
    work_.memory = BodyMemory::Hold();
  }
  co_return started;
}

asio::awaitable<Forward::Outcome> Forward::pass_stream(net::ResponseHead head) {
  // The head waits for the first bytes: until then another worker can take over unseen.
  if (work_.migration.enabled && wire::can_continue(work_.endpoint))
    record_ = std::make_unique<wire::AnswerRecord>(work_.endpoint);
  for (bool begun = false;;) {
    auto part = co_await stream_->next();
    const bool ended = part && part->kind == WorkStream::Part::Kind::end;
    const bool broken = !part || (ended && part->failure);
    if (broken && !begun) co_return Outcome::lost;
    if (!begun) {
      const Result<void> started = co_await begin(head);
      begun = true;
      if (!started) co_return Outcome::done;
    }
    if (broken) co_return co_await end_broken_stream();
    if (ended) break;
    const Result<void> written = co_await write_events(part->data);
    if (!written) {
      stream_->cancel();
      co_return Outcome::done;
    }
  }
  passed_.feed(held_);
  release_slot();
  if (!held_.empty()) {
    const Result<void> written = co_await exchange_.write(held_);
    if (!written) co_return Outcome::done;
  }
  (void)co_await exchange_.finish();
  co_return Outcome::done;
}

asio::awaitable<Result<void>> Forward::write_events(std::string_view bytes) {
  // An engine writes whole events, so that this is nearly always one write without a copy.
  std::size_t complete = end_of_events(bytes);
  Result<void> written;
  if (held_.empty()) {
    if (bytes.size() - complete > max_held_bytes) complete = bytes.size();
    note_events(bytes.substr(0, complete));
    if (complete > 0) written = co_await exchange_.write(bytes.substr(0, complete));
    if (written) held_.assign(bytes.substr(complete));
    co_return written;
  }
  held_ += bytes;
  complete = end_of_events(held_);
  if (held_.size() - complete > max_held_bytes) complete = held_.size();
  if (complete == 0) co_return written;
  const std::string_view ready = std::string_view(held_).substr(0, complete);
  note_events(ready);
  written = co_await exchange_.write(ready);
  held_.erase(0, complete);
  co_return written;
}

bool Forward::can_migrate() const {
  return record_ && !record_->lost() && !saw_done_ && migrations_ < work_.migration.max_per_request &&
         failures_ < max_failures && losses_ < max_losses;
}

asio::awaitable<Forward::Outcome> Forward::end_broken_stream() {
  if (gone_) co_return Outcome::done;
  // Of Messages and Responses the last event tells it.
  if (record_ && !record_->lost() && record_->answer().ended) saw_done_ = true;
  if (!cut_off_ && can_migrate()) co_return Outcome::interrupted;
  const ErrorResponse error = cut_off_ ? key_revoked() : lost_worker();
  if (!cut_off_)
    log_event(spdlog::level::info, "request lost its worker in the middle of the answer", {{"request", request_.id}});
  co_await end_stream(error);
  co_return Outcome::done;
}

asio::awaitable<void> Forward::end_stream(ErrorResponse error) {
  if (migrations_ > 0 && !cut_off_ && !saw_done_) metrics_.count_migration(false);
  account();
  if (gone_) co_return;
  // What is held is half an event: no client could read it.
  if (!saw_done_) {
    const std::string event = error_event_for(work_.endpoint, error);
    const Result<void> written = co_await exchange_.write(event);
    if (!written) co_return;
  }
  (void)co_await exchange_.finish();
}

asio::awaitable<Forward::Outcome> Forward::go_on(std::shared_ptr<WorkerLink> worker, std::uint32_t copy) {
  Takeover::Request request;
  request.id = request_.id;
  request.model_id = work_.model.id.text();
  request.copy = copy;
  request.endpoint = work_.endpoint;
  request.migrations = migrations_;
  Takeover::Write write = [this](std::string_view events) { return write_more(events); };
  takeover_ = std::make_unique<Takeover>(std::move(request), *continuation_, *record_, std::move(write));
  const Result<void> ended = co_await takeover_->run(std::move(worker));
  begun_ = takeover_->begun();
  takeover_.reset();
  if (cut_off_) co_return Outcome::interrupted;
  if (ended) {
    release_slot();
    metrics_.count_migration(true);
    (void)co_await exchange_.finish();
    co_return Outcome::done;
  }
  if (ended.error().code == ErrorCode::cancelled) co_return Outcome::done;
  if (ended.error().code == ErrorCode::unavailable && can_migrate()) {
    log().debug("request {}: {}", request_.id, ended.error().detail);
    co_return Outcome::interrupted;
  }
  log_event(spdlog::level::warn, "request could not be gone on with by another worker",
            {{"request", request_.id},
             {"reason", ended.error().detail},
             {"migrations", std::to_string(migrations_)},
             {"failures", std::to_string(failures_)},
             {"losses", std::to_string(losses_)}});
  ErrorResponse error = not_taken_over(ended.error().detail);
  co_await end_stream(std::move(error));
  co_return Outcome::done;
}

asio::awaitable<Result<void>> Forward::write_more(std::string_view events) {
  if (std::exchange(seam_open_, false)) metrics_.observe_migration(clock_.steady_now() - interrupted_at_);
  failures_ = losses_ = 0;
  note_events(events);
  co_return co_await exchange_.write(events);
}

void Forward::note_events(std::string_view events) {
  passed_.feed(events);
  if (record_) record_->feed(events);
  saw_done_ = events.ends_with("data: [DONE]\n\n");
}

asio::awaitable<Forward::Outcome> Forward::pass_whole(net::ResponseHead head) {
  std::string whole;
  bool begun = false;
  for (;;) {
    auto part = co_await stream_->next();
    const bool ended = part && part->kind == WorkStream::Part::Kind::end;
    if (!part || (ended && part->failure)) {
      // Begun without an end: the server closes the connection, and the client sees that it is cut.
      co_return begun ? Outcome::done : Outcome::lost;
    }
    if (ended) break;
    if (!begun && whole.size() + part->data.size() <= max_whole_bytes) {
      whole += part->data;
      continue;
    }
    Result<void> written;
    if (!begun) {
      begun = true;
      passed_.feed(whole);
      written = co_await begin(head);
      if (written) written = co_await exchange_.write(whole);
      whole = std::string();
    }
    passed_.feed(part->data);
    if (written) written = co_await exchange_.write(part->data);
    if (!written) {
      stream_->cancel();
      co_return Outcome::done;
    }
  }
  answered_ = true;
  if (!begun) said_ = wire::read_usage(whole);
  release_slot();
  if (begun) {
    (void)co_await exchange_.finish();
    co_return Outcome::done;
  }
  note_first_byte();
  (void)co_await exchange_.respond(std::move(head), std::move(whole));
  co_return Outcome::done;
}

asio::awaitable<Forward::Outcome> Forward::pass_error(net::ResponseHead head) {
  std::string body;
  for (;;) {
    auto part = co_await stream_->next();
    if (!part) co_return Outcome::lost;
    if (part->kind == WorkStream::Part::Kind::end) {
      if (part->failure) co_return Outcome::lost;
      break;
    }
    if (body.size() + part->data.size() > max_error_bytes) {
      stream_->cancel();
      body.clear();
      break;
    }
    body += part->data;
  }
  release_slot();
  head.headers.set("Content-Type", "application/json");
  head.headers.remove("Cache-Control");
  std::string text = normalise_engine_error(work_.endpoint, head.status, body);
  note_first_byte();
  (void)co_await exchange_.respond(std::move(head), std::move(text));
  co_return Outcome::done;
}

void Forward::account() {
  if (!answered_ || std::exchange(accounted_, true)) return;
  if (!said_) said_ = passed_.usage();
  domain::Usage usage = said_.value_or(domain::Usage());
  // An answer that was cut off has not said it, nor has an engine that does not count.
  if (usage.prompt_tokens == 0) usage.prompt_tokens = work_.prompt_tokens;
  if (ticket_) ticket_->answered(usage);
  if (request_.key) meter_.note(request_.key->id, work_.model.name, usage);
}

void Forward::release_slot() {
  account();
  // Its place at the worker is free, however long the client takes to read the rest.
  ticket_.reset();
}

void Forward::note_first_byte() {
  metrics_.observe_first_byte(wire::path_of(work_.endpoint), clock_.steady_now() - work_.arrived_at);
}

}  // namespace gogrid::coordinator
