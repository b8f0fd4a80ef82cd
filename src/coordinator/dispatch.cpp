#include "coordinator/dispatch.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cassert>
#include <utility>

#include "base/log.hpp"
#include "coordinator/metrics.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;

Dispatcher::Dispatcher(asio::any_io_executor executor, domain::SchedulerLimits limits, const Clock& clock,
                       Metrics& metrics)
    : executor_(std::move(executor)), clock_(clock), metrics_(metrics), scheduler_(limits), timer_(executor_) {
  timer_.expires_at(SteadyTime::max());
}

Dispatcher::~Dispatcher() = default;

asio::awaitable<void> Dispatcher::run() {
  while (!stopping_) {
    // Ends with an error when the time is set anew: then the new one is waited for.
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (stopping_ || now() < timer_.expiry()) continue;
    read_clock();
    carry_out(scheduler_.tick(now()));
  }
}

void Dispatcher::stop() {
  stopping_ = true;
  timer_.cancel();
  for (auto& [id, ticket] : tickets_) {
    if (!ticket->waiting_ || ticket->outcome_) continue;
    ticket->outcome_ = Slot{
        nullptr, Rejection{Rejection::Kind::stopping, {}, "the coordinator is shutting down", std::chrono::seconds(5)}};
    ticket->wake();
  }
}

void Dispatcher::set_models(const std::vector<domain::Model>& models) {
  const auto before = std::exchange(models_, models);
  for (const auto& model : before) {
    const bool stays =
        std::any_of(models.begin(), models.end(), [&](const auto& other) { return other.id == model.id; });
    if (!stays) carry_out(scheduler_.model_removed(model.id, now()));
  }
  for (const auto& model : models) {
    const bool unchanged = std::find(before.begin(), before.end(), model) != before.end();
    if (!unchanged) carry_out(scheduler_.model_added(model, now()));
  }
}

void Dispatcher::set_engines(const std::vector<domain::EngineBundle>& engines) {
  for (const auto& engine : std::exchange(engines_, engines)) {
    const bool stays =
        std::any_of(engines.begin(), engines.end(), [&](const auto& other) { return other.target == engine.target; });
    if (!stays) carry_out(scheduler_.engine_changed(engine.target, std::nullopt, now()));
  }
  for (const auto& engine : engines)
    carry_out(scheduler_.engine_changed(engine.target, engine, now()));
}

void Dispatcher::expect_workers(const std::vector<domain::WorkerId>& ids, std::chrono::milliseconds grace) {
  carry_out(scheduler_.workers_expected(ids, grace, now()));
}

void Dispatcher::worker_connected(std::shared_ptr<WorkerLink> link, domain::WorkerFacts facts) {
  const domain::WorkerId id = link->worker_id();
  std::vector<domain::LeaseId> unused = facts.leases;
  links_[id] = link;
  auto actions = scheduler_.worker_connected(id, std::move(facts), now());
  for (const auto& action : actions) {
    if (const auto* resume = std::get_if<domain::Resume>(&action)) std::erase(unused, resume->lease);
  }
  // What it kept for nothing.
  if (!unused.empty()) link->release_leases(std::move(unused));
  carry_out(std::move(actions));
}

void Dispatcher::worker_reported(const domain::WorkerId& id, domain::WorkerReport report) {
  carry_out(scheduler_.worker_reported(id, std::move(report), now()));
}

void Dispatcher::worker_hardware(const domain::WorkerId& id, domain::Hardware hardware) {
  carry_out(scheduler_.worker_hardware(id, std::move(hardware), now()));
}

void Dispatcher::worker_labelled(const domain::WorkerId& id, std::map<std::string, std::string> labels) {
  carry_out(scheduler_.worker_labelled(id, std::move(labels), now()));
}

void Dispatcher::worker_gone(const WorkerLink& link, bool may_return) {
  const domain::WorkerId id = link.worker_id();
  const auto found = links_.find(id);
  if (found == links_.end() || found->second.get() != &link) return;
  links_.erase(found);
  carry_out(scheduler_.worker_gone(id, may_return, now()));
}

void Dispatcher::set_key(const domain::KeyId& id, const domain::KeyPolicy& policy) {
  carry_out(scheduler_.key_changed(id, policy, now()));
}

std::unique_ptr<Dispatcher::Ticket> Dispatcher::submit(domain::Request request) {
  return std::unique_ptr<Ticket>(new Ticket(*this, std::move(request)));
}

void Dispatcher::carry_out(domain::Actions actions) {
  for (auto& action : actions) {
    std::visit([this](auto& one) { carry_out(one); }, action);
  }
  arm_timer();
}

void Dispatcher::carry_out(domain::Dispatch& dispatch) {
  const auto ticket = tickets_.find(dispatch.request);
  const auto link = links_.find(dispatch.worker);
  // The scheduler knows neither requests without a ticket nor workers without a link.
  if (ticket == tickets_.end() || link == links_.end()) return;
  ticket->second->outcome_ = Slot{link->second, std::nullopt, dispatch.copy};
  ticket->second->wake();
}

void Dispatcher::carry_out(domain::Reject& reject) {
  const auto found = tickets_.find(reject.request);
  if (found == tickets_.end()) return;
  metrics_.count_rejection(reject.code);
  Ticket& ticket = *found->second;
  ticket.known_ = false;
  Rejection rejection{Rejection::Kind::rejected, reject.code, std::move(reject.text), reject.retry_after,
                      std::move(reject.explanation)};
  ticket.outcome_ = Slot{nullptr, std::move(rejection)};
  ticket.wake();
}

void Dispatcher::carry_out(domain::Assign& assign) {
  const auto link = links_.find(assign.worker);
  if (link != links_.end()) link->second->assign(std::move(assign));
}

void Dispatcher::carry_out(domain::Measured& measured) {
  if (on_measured_) on_measured_(measured);
}

void Dispatcher::carry_out(domain::Lease& lease) {
  const auto link = links_.find(lease.worker);
  if (link != links_.end()) job_actions_->lease(lease, link->second);
}

void Dispatcher::carry_out(domain::Resume& resume) {
  const auto link = links_.find(resume.worker);
  if (link != links_.end()) job_actions_->resume(resume, link->second);
}

void Dispatcher::carry_out(domain::Revoke& revoke) { job_actions_->revoke(revoke); }

void Dispatcher::carry_out(domain::Settle& settle) { job_actions_->settle(std::move(settle)); }

std::optional<domain::Reject> Dispatcher::reserve_jobs(const std::string& key_id, const std::string& model,
                                                       std::size_t count) {
  return scheduler_.reserve_jobs(domain::KeyId(key_id), model, count, now());
}

void Dispatcher::give_back_reservation(const std::string& key_id, std::size_t count) {
  scheduler_.give_back_reservation(domain::KeyId(key_id), count);
}

void Dispatcher::job_submitted(domain::Job job, bool reserved) {
  read_clock();
  carry_out(scheduler_.job_submitted(std::move(job), reserved, now()));
}

void Dispatcher::job_restored(domain::Job job, unsigned attempts, std::optional<SystemTime> retry_at,
                              domain::LeaseId lease, const domain::WorkerId& worker) {
  read_clock();
  carry_out(scheduler_.job_restored(std::move(job), attempts, retry_at, lease, worker, now()));
}

void Dispatcher::job_ended(domain::JobId id, domain::LeaseId lease, domain::AttemptEnd end) {
  read_clock();
  carry_out(scheduler_.job_ended(id, lease, std::move(end), now()));
}

bool Dispatcher::cancel_job(domain::JobId id, const std::string& reason) {
  if (!scheduler_.job_state(id)) return false;
  carry_out(scheduler_.job_cancelled(id, reason, now()));
  return true;
}

void Dispatcher::job_stored(domain::JobId id) { carry_out(scheduler_.job_stored(id, now())); }

void Dispatcher::store_changed(bool available) { carry_out(scheduler_.store_changed(available, now())); }

void Dispatcher::read_clock() {
  constexpr auto noticeable = std::chrono::milliseconds(500);
  const SystemTime system = clock_.system_now();
  const auto offset = system.time_since_epoch() - now().time_since_epoch();
  if (clock_offset_ && std::chrono::abs(offset - *clock_offset_) < noticeable) return;
  clock_offset_ = offset;
  carry_out(scheduler_.clock_read(system, now()));
}

void Dispatcher::arm_timer() {
  const auto next = scheduler_.next_tick();
  if (next == armed_for_) return;
  armed_for_ = next;
  timer_.expires_at(next.value_or(SteadyTime::max()));
}

// ---- Ticket ----

Dispatcher::Ticket::Ticket(Dispatcher& dispatcher, domain::Request request)
    : dispatcher_(dispatcher), request_(std::move(request)) {
  dispatcher_.tickets_.emplace(request_.id, this);
}

Dispatcher::Ticket::~Ticket() {
  dispatcher_.tickets_.erase(request_.id);
  if (known_) dispatcher_.carry_out(dispatcher_.scheduler_.request_finished(request_.id, dispatcher_.now(), usage_));
}

bool Dispatcher::Ticket::begin_waiting() {
  outcome_.reset();
  if (cancelled_) {
    outcome_ = Slot{nullptr, Rejection{Rejection::Kind::cancelled, {}, "cancelled", {}}};
  } else if (dispatcher_.stopping_) {
    outcome_ = Slot{
        nullptr, Rejection{Rejection::Kind::stopping, {}, "the coordinator is shutting down", std::chrono::seconds(5)}};
  }
  return !outcome_;
}

asio::awaitable<Dispatcher::Slot> Dispatcher::Ticket::slot() {
  const bool again = std::exchange(submitted_, true);
  assert(!again || known_);  // a rejection is the end
  if (begin_waiting()) {
    if (again) {
      dispatcher_.metrics_.count_retry();
      dispatcher_.carry_out(dispatcher_.scheduler_.request_returned(request_.id, cause(), dispatcher_.now()));
    } else {
      known_ = true;
      dispatcher_.carry_out(dispatcher_.scheduler_.request_submitted(request_, dispatcher_.now()));
    }
  }
  co_return co_await outcome();
}

asio::awaitable<Dispatcher::Slot> Dispatcher::Ticket::next_slot(std::chrono::milliseconds allowance) {
  assert(known_);
  if (begin_waiting()) {
    dispatcher_.carry_out(
        dispatcher_.scheduler_.request_interrupted(request_.id, cause(), allowance, dispatcher_.now()));
  }
  co_return co_await outcome();
}

domain::ReturnCause Dispatcher::Ticket::cause() const {
  const auto worker = given_.lock();
  return worker && worker->is_open() ? domain::ReturnCause::refused : domain::ReturnCause::worker_lost;
}

asio::awaitable<Dispatcher::Slot> Dispatcher::Ticket::outcome() {
  if (!outcome_) {
    waiting_.emplace(dispatcher_.executor_, SteadyTime::max());
    while (!outcome_)
      co_await waiting_->async_wait(asio::as_tuple(asio::use_awaitable));
    waiting_.reset();
  }
  Slot slot = *std::exchange(outcome_, std::nullopt);
  given_ = slot.worker;
  co_return slot;
}

void Dispatcher::Ticket::cancel() {
  cancelled_ = true;
  if (!waiting_) return;
  outcome_ = Slot{nullptr, Rejection{Rejection::Kind::cancelled, {}, "cancelled", {}}};
  wake();
}

std::optional<domain::Explanation> Dispatcher::Ticket::explain() const {
  return dispatcher_.scheduler_.explain(request_.id, dispatcher_.now());
}

void Dispatcher::Ticket::wake() {
  if (waiting_) waiting_->cancel();
}

}  // namespace gogrid::coordinator
