// What the scheduler decided is carried out and written down.
#include "simulation/coordinator.hpp"
#include "simulation/virtual_worker.hpp"

namespace gogrid::simulation {

using domain::JobState;

using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_changes = 500;

}  // namespace

void Coordinator::carry_out(domain::Actions actions) {
  for (const auto& action : actions)
    std::visit([this](const auto& one) { on(one); }, action);
  write();
  wake();
}

void Coordinator::on(const domain::Assign& action) {
  const auto session = sessions_.find(action.worker);
  if (session == sessions_.end()) return;
  network_.to_worker(session->second.connection,
                     [worker = session->second.worker, assign = action] { worker->assigned(assign); });
}

// Its virtual workers measure nothing.
void Coordinator::on(const domain::Measured&) {}

void Coordinator::on(const domain::Dispatch& action) {
  const auto session = sessions_.find(action.worker);
  const auto asked = asked_.find(action.request);
  if (session == sessions_.end() || asked == asked_.end()) return;
  asked->second.connection = session->second.connection;
  asked->second.worker = action.worker;
  const RequestOrder order{action.request, {action.model, action.copy}, asked->second.work};
  network_.to_worker(session->second.connection, [worker = session->second.worker, order] { worker->take(order); });
}

void Coordinator::on(const domain::Reject& action) {
  const auto found = asked_.find(action.request);
  if (found == asked_.end()) return;
  const Answered done = std::move(found->second.done);
  asked_.erase(found);
  done(false);
}

void Coordinator::on(const domain::Lease& action) {
  const auto session = sessions_.find(action.worker);
  const auto* row = store_.find(action.job);
  if (session == sessions_.end() || row == nullptr) return;
  log_.push_back(store::JobLeased{action.job, action.lease, action.attempt, action.worker.text(), stage_.system_now()});
  const JobOrder order{action.job, action.lease, {action.model, action.copy}, row->work};
  network_.to_worker(session->second.connection, [worker = session->second.worker, order] { worker->take(order); });
}

void Coordinator::on(const domain::Resume& action) {
  const auto session = sessions_.find(action.worker);
  if (session == sessions_.end()) return;
  network_.to_worker(session->second.connection,
                     [worker = session->second.worker, lease = action.lease] { worker->fetch(lease); });
}

void Coordinator::on(const domain::Revoke& action) { stop_on(action.worker, action.lease); }

void Coordinator::on(const domain::Settle& action) {
  store::JobEnded end;
  end.job = action.job;
  end.lease = action.lease;
  end.state = action.state;
  end.at = stage_.system_now();
  end.retry_at = action.retry_at;
  end.error_code = action.error_code;
  end.error_message = action.error_message;
  end.status = action.state == JobState::succeeded ? 200 : 0;
  if (action.lease != 0) {
    store::AttemptRecord attempt;
    attempt.number = action.attempt;
    attempt.lease = action.lease;
    attempt.worker_id = action.worker.text();
    attempt.outcome = action.end.outcome;
    attempt.reason = action.end.reason;
    end.attempt = std::move(attempt);
    // What was refused was not begun.
    if (action.end.outcome == domain::AttemptOutcome::refused) end.attempts = action.attempt - 1;
  }
  log_.push_back(std::move(end));
}

void Coordinator::write() {
  if (in_flight_ > 0 || log_.empty()) return;
  in_flight_ = std::min(log_.size(), most_changes);
  std::vector<store::JobChange> changes(log_.begin(), log_.begin() + static_cast<std::ptrdiff_t>(in_flight_));
  store_.change_jobs(changes, [this, changes](std::optional<std::vector<bool>> applied) {
    const std::size_t count = std::exchange(in_flight_, 0);
    if (!applied) {
      // In order, until it works.
      in_flight_ = count;
      later(500ms, [this] {
        in_flight_ = 0;
        write();
      });
      return storing(false);
    }
    log_.erase(log_.begin(), log_.begin() + static_cast<std::ptrdiff_t>(count));
    storing(true);
    written(changes, *applied);
    write();
  });
}

void Coordinator::written(const std::vector<store::JobChange>& changes, const std::vector<bool>& applied) {
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto* end = std::get_if<store::JobEnded>(&changes[i]);
    if (!applied[i]) {
      const auto job = end != nullptr ? end->job : std::get<store::JobLeased>(changes[i]).job;
      stage_.verdict.broken("changes apply", "what was decided about " + job.text() + " contradicts the store");
    }
    if (end != nullptr) end_stored(*end);
  }
}

void Coordinator::end_stored(const store::JobEnded& end) {
  if (end.attempt) stop_on(domain::WorkerId(end.attempt->worker_id), end.lease);
  if (!domain::is_final(end.state)) return;
  carry_out(scheduler_->job_stored(end.job));
  const auto waiting = cancelling_.extract(end.job);
  if (waiting.empty()) return;
  for (const auto& done : waiting.mapped())
    done(end.state == JobState::cancelled);
}

void Coordinator::storing(bool works) {
  if (works != store_works_) {
    store_works_ = works;
    carry_out(scheduler_->store_changed(works));
  }
  if (!works && !is_probing_) probe();
}

void Coordinator::probe() {
  is_probing_ = true;
  later(1s, [this] {
    store_.probe([this](std::optional<bool> stored) {
      is_probing_ = false;
      storing(stored.has_value());
    });
  });
}

domain::Job Coordinator::schedulable(const store::JobRecord& record) const {
  domain::Job job;
  job.id = record.id;
  job.model = record.model;
  job.key = domain::KeyId(record.key_id);
  job.priority = record.priority;
  job.created_at = record.created_at;
  job.not_before = record.not_before;
  job.deadline = record.deadline;
  job.max_attempts = record.max_attempts;
  job.prompt_tokens = static_cast<std::uint32_t>(record.prompt_tokens);
  return job;
}

}  // namespace gogrid::simulation
