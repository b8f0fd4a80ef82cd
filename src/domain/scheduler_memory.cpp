// What is learned of models from what workers report: the memory that they take, how long they load, and where they do
// not fit or crash.
#include <algorithm>
#include <limits>
#include <utility>

#include "domain/placement.hpp"
#include "domain/scheduler_state.hpp"

namespace gogrid::domain {
namespace {

// Of the layers that lay on GPUs whose memory was short, so many are tried next.
constexpr std::uint32_t kept_layers_percent = 75;
// An engine that was ready for so long did not crash because of its model.
constexpr std::chrono::seconds calm_time{60};
constexpr std::size_t max_reason_bytes = 300;
constexpr std::size_t most_kinds = 1024;
// A measurement that is so many times the estimate says more of the worker than of the model.
constexpr std::uint64_t implausible_factor = 4;
constexpr std::uint64_t plausible_bytes = 1'000'000'000;

std::string first_line(const std::string& text) {
  std::string line = text.substr(0, std::min(text.find('\n'), max_reason_bytes));
  while (!line.empty() && (line.back() == ':' || line.back() == ' '))
    line.pop_back();
  return line;
}

}  // namespace

DeviceKind Scheduler::kind_of(const std::string& device) {
  // Workers say what they like: the kinds beyond share one, of which nothing is known.
  if (kinds_.size() >= most_kinds && !kinds_.contains(device)) return static_cast<DeviceKind>(most_kinds) + 1;
  return kinds_.emplace(device, static_cast<DeviceKind>(kinds_.size()) + 1).first->second;
}

void Scheduler::estimate_need(ModelEntry& entry) {
  const Model& model = entry.model;
  const auto estimate = [&](std::uint32_t context_tokens) {
    MemoryNeed need = estimate_memory(model, context_tokens);
    MemoryKey key;
    key.model_sha256 = model.sha256;
    const auto& known = ledger_.entries();
    for (auto one = known.lower_bound(key); one != known.end() && one->first.model_sha256 == model.sha256; ++one) {
      const auto& [of, memory] = *one;
      if (of.size_bytes != model.size_bytes || of.context_tokens != context_tokens || of.slots != model.slots ||
          of.kv_type != model.kv_type)
        continue;
      const DeviceKind kind = of.device_count == 0 ? cpu_kind : kind_of(of.device);
      if (kind > most_kinds) continue;
      if (need.measured.size() <= kind) need.measured.resize(kind + 1);
      MemoryNeed::Measured& measured = need.measured[kind];
      if (of.device_count == 0) {
        // Not all of the weights may have been read when it was measured.
        const std::uint64_t bytes = memory.host_bytes + std::max(memory.mapped_bytes, model.size_bytes);
        measured.whole_bytes = std::max(measured.whole_bytes, bytes);
      } else if (of.device_layers > 0) {
        if (of.device_count == 1 && of.device_layers >= need.layers)
          measured.whole_bytes = std::max(measured.whole_bytes, memory.device_bytes);
        const std::uint64_t buffers = std::min(memory.device_bytes, need.compute_bytes * of.device_count);
        measured.layer_bytes = std::max(measured.layer_bytes, (memory.device_bytes - buffers) / of.device_layers);
      }
    }
    return need;
  };
  entry.need = estimate(model.context_tokens);
  entry.reduced_need = estimate(reduced_context_tokens(model.context_tokens));
}

void Scheduler::memory_known(const MemoryKey& key, const MeasuredMemory& memory) {
  ledger_.record(key, memory);
  for (ModelEntry* model : model_order_) {
    if (model->model.sha256 == key.model_sha256) estimate_need(*model);
  }
}

std::vector<Measured> Scheduler::measured(const ModelId& id) const {
  std::vector<Measured> measured;
  const auto model = models_.find(id);
  if (model == models_.end()) return measured;
  MemoryKey first;
  first.model_sha256 = model->second->model.sha256;
  const auto& known = ledger_.entries();
  for (auto one = known.lower_bound(first); one != known.end() && one->first.model_sha256 == first.model_sha256; ++one)
    measured.push_back(Measured{one->first, one->second});
  return measured;
}

void Scheduler::note_report(Worker& worker, Replica& replica, const ReplicaReport& before, SteadyTime now,
                            Actions& actions) {
  const ReplicaReport& report = replica.report;
  const Phase phase = report.progress.phase;
  if (replica.model == nullptr || replica.state != Replica::State::assigned || !replica.reported) return;
  if (phase == Phase::loading || phase == Phase::ready)
    known_workers_[worker.number].fetched.insert(replica.model->model.id);
  if (phase != before.progress.phase) {
    if (phase == Phase::ready) {
      if (before.progress.phase == Phase::loading)
        replica.model->load_seconds.add(std::chrono::duration<double>(now - replica.phase_since).count());
      replica.ready_since = now;
      // What was kept over a lost connection is not new.
      if (before.progress.phase != Phase::waiting || !replica.is_adopted) replica.used = false;
      if (replica.is_adopted) replica.calm_starts = std::max(replica.calm_starts, report.starts);
      if (replica.model->model.idle_timeout.count() > 0) wake_at(now + replica.model->model.idle_timeout);
    }
    if (before.progress.phase == Phase::ready && now >= replica.ready_since + calm_time)
      replica.calm_starts = std::max(before.starts, 1u);
    replica.phase_since = now;
    replica.phase_began_at_bytes = report.progress.done_bytes;
  }
  if (phase == Phase::ready && report.memory != before.memory) record_memory(replica, actions);
  if (phase != Phase::failed) return;
  if (!has_devices(worker.report->engine, replica.placement)) return remove(replica);
  if (report.out_of_memory) return note_shortage(replica, now);
  if (report.starts >= replica.calm_starts + limits_.crash_limit - 1) note_crashes(replica, now);
}

void Scheduler::note_shortage(Replica& replica, SteadyTime now) {
  Trial& trial = replica.model->trials[replica.worker->number];
  trial.reason = first_line(replica.report.progress.detail);
  const auto block = [&] {
    trial.blocked_until = now + limits_.shortage_pause;
    wake_at(trial.blocked_until);
    trial_ends_.insert(trial.blocked_until);
  };
  // Where it works on another GPU it is this one's fault: what is there stays as it is, and no more come.
  const auto others = replicas_on(*replica.worker, replica.key.model);
  const bool is_ready_elsewhere = std::any_of(others.begin(), others.end(), [&](const auto& entry) {
    const Replica& other = *entry.second;
    return &other != &replica && other.state == Replica::State::assigned && other.reported &&
           other.report.progress.phase == Phase::ready;
  });
  if (is_ready_elsewhere) {
    block();
    return remove(replica);
  }
  // Several were begun at once: one of them has said it.
  if (trial.shortages > 0 && !replica.is_reduced) return remove(replica);
  if (++trial.shortages == 1 && replica.placement.device_layers > 0)
    trial.max_layers = replica.placement.device_layers * kept_layers_percent / 100;
  // Nor when what is left does not fit at all.
  const bool fits = fit_on(*replica.model, *replica.worker, replica.worker->capacity).fit != Fit::none;
  if (trial.shortages > 1 || !fits) {
    trial.shortages = 0;
    trial.max_layers = std::numeric_limits<std::uint32_t>::max();
    block();
  }
  remove(replica);
}

void Scheduler::note_crashes(Replica& replica, SteadyTime now) {
  Trial& trial = replica.model->trials[replica.worker->number];
  trial.reason = first_line(replica.report.progress.detail);
  // Another one has crashed as well.
  if (now < trial.blocked_until) return remove(replica);
  const auto pause = limits_.first_crash_pause * (1LL << std::min(trial.crashes, 20u));
  ++trial.crashes;
  trial.blocked_until = now + std::min<std::chrono::milliseconds>(pause, limits_.last_crash_pause);
  wake_at(trial.blocked_until);
  trial_ends_.insert(trial.blocked_until);
  remove(replica);
}

void Scheduler::record_memory(const Replica& replica, Actions& actions) {
  const Worker& worker = *replica.worker;
  const Model& model = replica.model->model;
  const EngineBundle* engine = engine_of(worker);
  MemoryKey key{model.sha256, model.size_bytes, replica.context_tokens, model.slots, model.kv_type, {}, 0, 0};
  key.device = worker.facts.has_local_engine || engine == nullptr ? "local" : engine->name;
  MeasuredMemory memory;
  for (const MemoryUse& use : replica.report.memory) {
    if (use.device.empty()) {
      memory.mapped_bytes = std::min(use.mapped_bytes, use.bytes);
      memory.host_bytes = use.bytes - memory.mapped_bytes;
    } else {
      memory.device_bytes += use.bytes;
    }
  }
  // What others have placed says little of it.
  if (memory == MeasuredMemory{} || replica.is_adopted) return;
  const MemoryNeed expected = estimate_memory(model, replica.context_tokens);
  const std::uint64_t most = plausible_bytes + implausible_factor * (expected.cpu_bytes() + expected.compute_bytes);
  if (std::max(memory.device_bytes, memory.host_bytes) > most) return;
  if (!replica.placement.devices.empty()) {
    // The machine's memory is measured a moment later than that of the devices.
    if (memory.device_bytes == 0) return;
    const auto& devices = worker.report->engine.devices;
    const auto device = std::find_if(devices.begin(), devices.end(), [&replica](const EngineDevice& one) {
      return one.name == replica.placement.devices.front().device;
    });
    if (device == devices.end()) return;
    key.device += ": " + device->description;
    key.device_count = static_cast<std::uint32_t>(replica.placement.devices.size());
    key.device_layers = replica.placement.device_layers;
  } else if (memory.host_bytes == 0) {
    return;
  }
  const auto news = ledger_.record(key, memory);
  if (!news) return;
  estimate_need(*replica.model);
  actions.push_back(Measured{std::move(key), *news});
}

}  // namespace gogrid::domain
