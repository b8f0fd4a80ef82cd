#include "coordinator/api/takeover.hpp"

#include <optional>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "wire/answer_splice.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_answer_bytes = 32 * 1024 * 1024;

Error lost(std::string detail) { return Error(ErrorCode::unavailable, std::move(detail)); }

const wire::StreamedAnswer::Choice& choice_of(const wire::StreamedAnswer& answer, std::uint32_t choice) {
  static const wire::StreamedAnswer::Choice none;
  const auto found = answer.choices.find(choice);
  return found == answer.choices.end() ? none : found->second;
}

}  // namespace

Takeover::Takeover(Request request, const wire::Continuation& continuation, wire::AnswerRecord& record, Write write)
    : request_(std::move(request)), continuation_(continuation), record_(record), write_(std::move(write)) {}

void Takeover::cancel() {
  cancelled_ = true;
  if (stream_) stream_->cancel();
}

asio::awaitable<Result<void>> Takeover::run(std::shared_ptr<WorkerLink> worker) {
  log().debug("request {}: worker {} takes over", request_.id, worker->worker_id().text());
  std::vector<std::uint32_t> open;
  for (std::uint32_t choice = 0; choice < continuation_.choices(); ++choice) {
    if (!choice_of(record_.answer(), choice).finished) open.push_back(choice);
  }
  if (open.empty()) {
    // Only the end of the stream is missing.
    const bool has_mark = request_.endpoint == wire::InferenceEndpoint::chat_completions ||
                          request_.endpoint == wire::InferenceEndpoint::completions;
    const std::string_view end =
        has_mark ? "data: [DONE]\n\n" : "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    co_return co_await write_(end);
  }
  for (const std::uint32_t choice : open) {
    const Result<void> finished = co_await finish_choice(*worker, choice, choice == open.back());
    if (!finished) co_return finished;
  }
  co_return Result<void>();
}

asio::awaitable<Result<void>> Takeover::finish_choice(WorkerLink& worker, std::uint32_t choice, bool last) {
  auto plan = co_await this->plan(worker, choice, true);
  if (!plan) co_return plan.error();
  const Result<void> finished = co_await carry_out(worker, choice, last, *plan);
  const bool differs = !finished && finished.error().code == ErrorCode::conflict;
  if (!differs || !plan->may_go_on) co_return finished;
  // No engine would repeat the bytes then: what the client has stays, and goes on.
  plan = co_await this->plan(worker, choice, false);
  if (!plan) co_return plan.error();
  co_return co_await carry_out(worker, choice, last, *plan);
}

asio::awaitable<Result<void>> Takeover::carry_out(WorkerLink& worker, std::uint32_t choice, bool last,
                                                  const Plan& plan) {
  log().debug("request {}: going on with choice {} after {} tokens{}", request_.id, choice, plan.sent_tokens,
              plan.anew ? ", generated anew" : "");
  auto head = co_await begin(worker, wire::path_of(request_.endpoint), plan.body);
  if (!head) co_return head.error();
  if (head->status == 503) co_return lost("the engine is not ready");
  begun_ = true;
  if (head->status != 200)
    co_return Error(ErrorCode::unsupported,
                    "the engine cannot go on with the answer (" + std::to_string(head->status) + ")");

  wire::AnswerSplice::Options options;
  options.endpoint = request_.endpoint;
  options.choice = choice;
  options.anew = plan.anew;
  options.sent_tokens = plan.sent_tokens;
  options.complete = plan.complete;
  options.migrations = request_.migrations;
  options.last = last;
  wire::AnswerSplice splice(record_.answer(), options);
  std::string events;
  for (;;) {
    auto part = co_await stream_->next();
    if (cancelled_) co_return Error(ErrorCode::cancelled, "nobody wants the answer");
    // A worker that is lost once it has said all is not missed.
    if (splice.ended() && (!part || part->kind == WorkStream::Part::Kind::end)) break;
    if (!part) co_return lost(part.error().detail);
    if (part->kind == WorkStream::Part::Kind::end) {
      if (part->failure) co_return lost(part->failure->detail);
      break;
    }
    events.clear();
    const Result<void> fits = splice.feed(part->data, events);
    if (!events.empty()) {
      const Result<void> written = co_await write_(events);
      if (!written) co_return Error(ErrorCode::cancelled, "the client is gone");
    }
    if (!fits) {
      stream_->cancel();
      co_return fits;
    }
  }
  stream_.reset();
  if (!splice.ended()) co_return lost("the engine's answer ended early");
  co_return Result<void>();
}

asio::awaitable<Result<Takeover::Plan>> Takeover::plan(WorkerLink& worker, std::uint32_t choice, bool repeat) {
  // A copy: what is written meanwhile is another choice's.
  const wire::StreamedAnswer::Choice sent = choice_of(record_.answer(), choice);
  Plan plan;
  if (sent.empty()) {
    plan.body = continuation_.anew(choice);
    co_return plan;
  }
  std::string format;
  if (!sent.tools.empty()) {
    std::string question = wire::Continuation::tool_format_question(sent);
    auto answer = co_await ask(worker, "/apply-template", std::move(question));
    if (!answer) co_return answer.error();
    format = std::move(*answer).value_or("");
  }
  const auto written = continuation_.written(sent, format);
  if (!written) {
    plan.anew = true;
    plan.body = continuation_.anew(choice);
    co_return plan;
  }
  std::string body = continuation_.go_on(choice, sent, *written, 0, request_.migrations);
  const auto tokens = co_await count_tokens(worker, choice, *written, std::move(body));
  if (!tokens) co_return tokens.error();
  // The likeliest tokens after others than the first engine chose may be others. An engine that holds back what may
  // become a stop text may have sent the beginning of a token.
  const bool may_be_others = !tokens->same || continuation_.has_stop();
  if (repeat && continuation_.greedy() && !continuation_.has_grammar() && may_be_others) {
    plan.anew = true;
    plan.may_go_on = true;
    plan.body = continuation_.anew(choice);
    co_return plan;
  }
  plan.sent_tokens = tokens->count;
  plan.complete = continuation_.is_complete(tokens->count);
  plan.body = continuation_.go_on(choice, sent, *written, tokens->count, request_.migrations);
  co_return plan;
}

asio::awaitable<Result<wire::Tokens>> Takeover::count_tokens(WorkerLink& worker, std::uint32_t choice,
                                                             std::string written, std::string body) {
  const wire::StreamedAnswer::Choice sent = choice_of(record_.answer(), choice);
  std::string text = written;
  if (auto question = continuation_.prompt_question(body)) {
    auto answer = co_await ask(worker, "/apply-template", *std::move(question));
    if (!answer) co_return answer.error();
    if (auto prompt = wire::prompt_in(answer->value_or("")); prompt && prompt->ends_with(written))
      text = wire::near_the_end(*prompt, written.size());
  } else if (auto prompt = continuation_.prompt_text(choice, written)) {
    text = wire::near_the_end(*prompt, written.size());
  }
  std::string question = wire::tokenize_question(text);
  auto answer = co_await ask(worker, "/tokenize", std::move(question));
  if (!answer) co_return answer.error();
  auto tokens = wire::compare_tokens(answer->value_or(""), written.size(), sent.ends);
  // A count is better than none: an event has a token.
  if (!tokens) tokens = wire::Tokens{sent.ends.size(), false};
  co_return *tokens;
}

asio::awaitable<Result<std::optional<std::string>>> Takeover::ask(WorkerLink& worker, std::string_view path,
                                                                  std::string body) {
  auto head = co_await begin(worker, path, std::move(body));
  if (!head) co_return head.error();
  const int status = head->status;
  std::string answer;
  for (;;) {
    auto part = co_await stream_->next();
    if (cancelled_) co_return Error(ErrorCode::cancelled, "nobody wants the answer");
    if (!part) co_return lost(part.error().detail);
    if (part->kind == WorkStream::Part::Kind::end) {
      if (part->failure) co_return lost(part->failure->detail);
      break;
    }
    answer += part->data;
    if (answer.size() > max_answer_bytes) {
      stream_->cancel();
      co_return std::optional<std::string>();
    }
  }
  stream_.reset();
  if (status == 503) co_return lost("the engine is not ready");
  if (status != 200) co_return std::optional<std::string>();
  co_return std::optional(std::move(answer));
}

asio::awaitable<Result<WorkStream::Part>> Takeover::begin(WorkerLink& worker, std::string_view path, std::string body) {
  auto opened = worker.open_stream();
  if (!opened) co_return lost(opened.error().detail);
  stream_ = std::make_unique<WorkStream>(std::move(*opened));
  if (cancelled_) {
    stream_->cancel();
    co_return Error(ErrorCode::cancelled, "nobody wants the answer");
  }
  WorkStream::Request request;
  request.id = request_.id;
  request.model_id = request_.model_id;
  request.copy = request_.copy;
  request.path = path;
  request.body = body;
  (void)co_await stream_->send(std::move(request));
  auto part = co_await stream_->next();
  if (cancelled_) co_return Error(ErrorCode::cancelled, "nobody wants the answer");
  if (!part) co_return lost(part.error().detail);
  if (part->kind == WorkStream::Part::Kind::end)
    co_return lost(part->failure ? part->failure->detail : "the worker has no answer");
  co_return std::move(*part);
}

}  // namespace gogrid::coordinator
