#include "simulation/virtual_client.hpp"

#include <memory>

namespace gogrid::simulation {

using namespace std::chrono_literals;

namespace {

constexpr unsigned most_tries = 8;
constexpr Duration answer_timeout = 10s;

}  // namespace

void VirtualClient::begin() {
  every(habits_.between_jobs, &VirtualClient::submit_one);
  every(habits_.between_floods, &VirtualClient::submit_flood);
  every(habits_.between_questions, &VirtualClient::ask);
}

void VirtualClient::every(Duration mean, void (VirtualClient::*act)()) {
  if (mean == Duration(0)) return;
  stage_.timeline.after(stage_.random.exponential(mean), [this, mean, act] {
    if (is_stopped_) return;
    (this->*act)();
    every(mean, act);
  });
}

Work VirtualClient::work() {
  Work work;
  work.usage.prompt_tokens = static_cast<std::uint64_t>(stage_.random.between(10, 2000));
  work.usage.completion_tokens = static_cast<std::uint64_t>(stage_.random.between(20, 1200));
  if (stage_.random.chance(habits_.poison)) {
    constexpr Nature natures[] = {Nature::fails, Nature::rejected, Nature::kills_engine, Nature::kills_worker,
                                  Nature::hangs};
    work.nature = natures[stage_.random.below(std::size(natures))];
  }
  return work;
}

void VirtualClient::submit_one() {
  Coordinator::Submission submission;
  submission.key = habits_.key;
  submission.model = stage_.random.pick(habits_.models);
  submission.work = work();
  if (habits_.has_priorities) submission.priority = static_cast<int>(stage_.random.between(0, domain::max_priority));
  submission.max_attempts = static_cast<unsigned>(stage_.random.between(1, 5));
  const SystemTime now = std::chrono::floor<std::chrono::milliseconds>(stage_.system_now());
  if (stage_.random.chance(habits_.delays)) {
    submission.not_before = now + std::chrono::milliseconds(stage_.random.between(0, 300'000));
  }
  if (stage_.random.chance(habits_.deadlines)) {
    submission.deadline = now + std::chrono::milliseconds(stage_.random.between(1'000, 600'000));
  }
  if (stage_.random.chance(0.8)) submission.idempotency_key = "once-" + std::to_string(++numbers_);
  send(submission, 1);
}

void VirtualClient::submit_flood() {
  for (std::size_t i = 0; i < habits_.flood; ++i)
    stage_.timeline.after(stage_.random.between(Duration(0), Duration(1s)), [this] { submit_one(); });
}

void VirtualClient::send(const Coordinator::Submission& submission, unsigned tries) {
  const auto is_answered = std::make_shared<bool>(false);
  const auto again = [this, submission, tries] {
    if (submission.idempotency_key.empty() || tries >= most_tries || is_stopped_) return;
    stage_.timeline.after(stage_.random.exponential(2s * tries),
                          [this, submission, tries] { send(submission, tries + 1); });
  };
  stage_.timeline.after(latency(), [this, submission, is_answered, again] {
    coordinator_.submit(submission, [this, submission, is_answered, again](domain::JobId job) {
      stage_.timeline.after(latency(), [this, submission, is_answered, again, job] {
        if (job.empty()) {
          *is_answered = true;
          return again();
        }
        // Also when the client has given up waiting: it might have read it.
        acknowledged(submission, job);
        *is_answered = true;
      });
    });
  });
  stage_.timeline.after(answer_timeout, [is_answered, again] {
    if (!*is_answered) again();
  });
}

void VirtualClient::acknowledged(const Coordinator::Submission& submission, domain::JobId job) {
  ledger_.acknowledged(job, submission.key.text(), submission.idempotency_key);
  if (!submission.idempotency_key.empty() && stage_.random.chance(habits_.repeats)) {
    stage_.timeline.after(stage_.random.exponential(30s), [this, submission] {
      if (!is_stopped_) send(submission, 1);
    });
  }
  if (stage_.random.chance(habits_.cancels)) {
    stage_.timeline.after(stage_.random.exponential(20s), [this, job] { cancel(job); });
  }
  if (stage_.random.chance(habits_.retries)) {
    stage_.timeline.after(stage_.random.exponential(120s), [this, job] { retry(job); });
  }
}

void VirtualClient::cancel(domain::JobId job) {
  if (is_stopped_) return;
  coordinator_.cancel(job, [this, job](bool is_cancelled) {
    if (is_cancelled) ledger_.cancel_confirmed(job);
  });
}

void VirtualClient::retry(domain::JobId job) {
  if (is_stopped_) return;
  coordinator_.retry(job, [](domain::JobId) {});
}

void VirtualClient::ask() {
  Coordinator::Question question;
  question.id = domain::RequestId("req_" + habits_.key.text() + "_" + std::to_string(++numbers_));
  question.key = habits_.key;
  question.model = stage_.random.pick(habits_.models);
  question.patience = stage_.random.between(Duration(5s), Duration(120s));
  question.work = work();
  question.work.usage.completion_tokens /= 4;
  if (stage_.random.chance(0.1)) {
    stage_.timeline.after(stage_.random.exponential(5s), [this, id = question.id] { coordinator_.hang_up(id); });
  } else {
    // Whatever becomes of it, nobody waits for ever.
    stage_.timeline.after(question.patience + 300s, [this, id = question.id] { coordinator_.hang_up(id); });
  }
  coordinator_.ask(std::move(question), [this](bool is_answered) { answered_ += is_answered ? 1 : 0; });
}

}  // namespace gogrid::simulation
