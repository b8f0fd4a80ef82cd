#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "domain/scheduler.hpp"
#include "domain/scheduler_state.hpp"

namespace gogrid::domain {
namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "scheduler invariant broken: %s\n", what);
  std::abort();
}

std::string loading_text(const Progress& progress) {
  std::string text(to_string(progress.phase == Phase::ready ? Phase::loading : progress.phase));
  if (progress.total_bytes > 0) text += " (" + std::to_string(progress.percent()) + " %)";
  return text;
}

}  // namespace

std::optional<Explanation> Scheduler::explain(const RequestId& id, SteadyTime now) const {
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second->state != RequestEntry::State::waiting) return std::nullopt;
  const RequestEntry& request = *found->second;
  Explanation explanation;
  explanation.text = describe(outlook_of(*request.model));
  explanation.position = static_cast<std::size_t>(
      std::distance(request.model->waiting.begin(), request.model->waiting.find(request.sequence)));
  explanation.waited = now - request.queued_at;
  return explanation;
}

Outlook Scheduler::outlook(const ModelId& id) const {
  const auto found = models_.find(id);
  return found == models_.end() ? Outlook{} : outlook_of(*found->second);
}

Outlook Scheduler::outlook_of(const ModelEntry& model) const {
  Outlook outlook;
  outlook.needed_bytes = estimate_memory_bytes(model.model);
  unsigned furthest = 0;
  const auto loading = [&](std::string text, unsigned rank) {
    ++outlook.loading;
    if (rank >= furthest) {
      furthest = rank;
      outlook.loading_detail = std::move(text);
    }
  };
  for (const auto& [id, worker] : workers_) {
    if (worker->connected) ++outlook.workers_connected;
    const auto misfit = worker->placement.misfits.find(model.model.id);
    if (misfit != worker->placement.misfits.end()) {
      if (!worker->connected) continue;
      if (misfit->second == Misfit::too_little_memory) ++outlook.without_memory;
      if (misfit->second == Misfit::no_engine) {
        ++outlook.without_engine;
        outlook.target_without_engine = worker->facts.target;
      }
      continue;
    }
    if (!worker->connected) {
      ++outlook.lost;
      continue;
    }
    if (!worker->report) {
      loading("connecting", 0);
      continue;
    }
    switch (worker->report->availability) {
      case Availability::paused:
        ++outlook.paused;
        continue;
      case Availability::draining:
        ++outlook.draining;
        continue;
      case Availability::refusing:
        ++outlook.refusing;
        outlook.refusing_detail = worker->report->reason;
        continue;
      case Availability::available:
        break;
    }
    const auto found = model.replicas.find(id);
    if (found == model.replicas.end() || !found->second->reported) {
      loading("preparing", 0);
      continue;
    }
    const Replica& replica = *found->second;
    const Progress& progress = replica.report.progress;
    const Progress& engine = worker->report->engine.progress;
    if (progress.phase == Phase::ready && replica.report.slots > 0) {
      ++outlook.ready;
      outlook.slots += replica.report.slots;
      outlook.slots_busy += replica.slots_busy;
    } else if (progress.phase == Phase::failed || (progress.phase == Phase::waiting && engine.phase == Phase::failed)) {
      ++outlook.failing;
      outlook.failing_detail = progress.phase == Phase::failed ? progress.detail : engine.detail;
    } else if (progress.phase == Phase::waiting && engine.phase != Phase::ready && engine.phase != Phase::waiting) {
      loading(loading_text(engine) + " the engine", 1 + engine.percent());
    } else {
      loading(loading_text(progress), (progress.phase == Phase::loading ? 300 : 150) + progress.percent());
    }
  }
  return outlook;
}

Scheduler::WorkerView Scheduler::view_of(const Worker& worker) const {
  WorkerView view;
  view.id = worker.id;
  view.facts = &worker.facts;
  view.report = worker.report ? &*worker.report : nullptr;
  for (const auto& [id, replica] : worker.replicas) {
    if (!replica->assigned) continue;
    view.replicas.push_back(ReplicaView{id, replica->model->model.name, replica->report, replica->slots_busy});
    view.replicas.back().report.model = id;
  }
  return view;
}

std::optional<Scheduler::WorkerView> Scheduler::worker(const WorkerId& id) const {
  const auto found = workers_.find(id);
  if (found == workers_.end() || !found->second->connected) return std::nullopt;
  return view_of(*found->second);
}

std::vector<Scheduler::WorkerView> Scheduler::workers() const {
  std::vector<WorkerView> views;
  for (const auto& [id, worker] : workers_) {
    if (worker->connected) views.push_back(view_of(*worker));
  }
  return views;
}

Scheduler::Totals Scheduler::totals() const {
  Totals totals;
  totals.requests_waiting = waiting_;
  totals.requests_running = running_;
  for (const auto phase : all_phases)
    totals.replicas[phase] = 0;
  for (const auto& [id, worker] : workers_) {
    if (!worker->connected) continue;
    ++totals.workers_connected;
    const bool available = worker->report && worker->report->availability == Availability::available;
    for (const auto& [model, replica] : worker->replicas) {
      totals.slots_busy += replica->slots_busy;
      if (!replica->assigned) continue;
      const Phase phase = replica->reported ? replica->report.progress.phase : Phase::waiting;
      ++totals.replicas[phase];
      if (available && phase == Phase::ready && replica->report.slots > replica->slots_busy) {
        totals.slots_free += replica->report.slots - replica->slots_busy;
      }
    }
  }
  return totals;
}

void Scheduler::check_invariants() const {
  std::map<const Replica*, std::uint32_t> busy;
  std::size_t waiting = 0;
  std::size_t running = 0;
  for (const auto& [id, request] : requests_) {
    switch (request->state) {
      case RequestEntry::State::waiting: {
        ++waiting;
        require(request->model != nullptr, "a waiting request has a model");
        const auto place = request->model->waiting.find(request->sequence);
        require(place != request->model->waiting.end() && place->second == request.get(),
                "a waiting request is in its queue");
        break;
      }
      case RequestEntry::State::running:
        ++running;
        require(request->replica != nullptr && request->replica->worker->connected,
                "a running request has a connected worker");
        ++busy[request->replica];
        break;
      case RequestEntry::State::lost:
        require(request->replica == nullptr, "a lost request holds no slot");
        break;
    }
  }
  require(waiting == waiting_ && running == running_, "requests are counted");
  require(deadlines_.size() == waiting, "every waiting request has a deadline");
  std::size_t queued = 0;
  for (const auto& [id, model] : models_)
    queued += model->waiting.size();
  require(queued == waiting, "queues hold waiting requests only");
  std::size_t replicas = 0;
  for (const auto& [id, worker] : workers_) {
    for (const auto& [model, replica] : worker->replicas) {
      const auto counted = busy.find(replica.get());
      require(replica->slots_busy == (counted == busy.end() ? 0 : counted->second), "slots are counted");
      require(replica->assigned || replica->slots_busy > 0, "unused replicas are dropped");
      require(!replica->assigned || replica->model->replicas.at(id) == replica.get(), "a model knows its replicas");
      replicas += replica->assigned ? 1 : 0;
    }
  }
  std::size_t known = 0;
  for (const auto& [id, model] : models_)
    known += model->replicas.size();
  require(known == replicas, "a model knows no other replicas");
}

}  // namespace gogrid::domain
