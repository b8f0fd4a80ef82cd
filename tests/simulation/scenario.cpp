#include "simulation/scenario.hpp"

#include <algorithm>

namespace gogrid::simulation {

using namespace std::chrono_literals;

namespace {

// Mean of what virtual_client.cpp sends, at the usual speed.
constexpr double mean_service_seconds = 22;

std::vector<domain::Model> make_models(Random& random) {
  std::vector<domain::Model> models;
  const auto count = random.chance(0.5) ? 1 : random.between(2, 3);
  for (std::int64_t i = 0; i < count; ++i) {
    domain::Model model;
    model.name = std::string(1, static_cast<char>('a' + i));
    model.id = domain::ModelId("mdl_" + model.name);
    model.size_bytes = 1'000'000'000;
    model.context_tokens = 4096;
    model.slots = static_cast<std::uint32_t>(random.between(1, 3));
    models.push_back(model);
  }
  return models;
}

domain::SchedulerLimits make_limits(Random& random) {
  domain::SchedulerLimits limits;
  limits.max_waiting_requests = static_cast<std::size_t>(random.between(4, 200));
  limits.max_attempt_time = 240s;
  limits.last_retry_delay = 60s;
  limits.reconnect_grace = std::chrono::milliseconds(random.between(1'000, 40'000));
  limits.ageing = std::chrono::milliseconds(random.between(500, 60'000));
  limits.job_patience = std::chrono::milliseconds(random.between(5'000, 60'000));
  limits.interactive_memory = std::chrono::milliseconds(random.between(5'000, 60'000));
  return limits;
}

domain::KeyPolicy make_policy(Random& random) {
  domain::KeyPolicy policy;
  constexpr double weights[] = {0.5, 1, 1, 2, 8};
  policy.weight = weights[random.below(std::size(weights))];
  if (random.chance(0.25)) policy.max_concurrent = random.between(1, 4);
  if (random.chance(0.15)) policy.max_queued = random.between(5, 100);
  if (random.chance(0.15)) policy.requests_per_minute = random.between(20, 100);
  if (random.chance(0.15)) policy.tokens_per_minute = random.between(20'000, 100'000);
  return policy;
}

Troubles make_troubles(Random& random, std::size_t workers) {
  const auto some = [&random](double likelihood, Duration least, Duration most) {
    return random.chance(likelihood) ? random.between(least, most) : Duration(0);
  };
  Troubles troubles;
  // A fifth of all worlds is a good one.
  if (random.chance(0.2)) return troubles;
  // What befalls single workers comes more often to many.
  const auto crowd = static_cast<std::int64_t>(std::max<std::size_t>(1, workers / 10));
  troubles.coordinator_crash = some(0.5, 30s, 300s);
  troubles.disk_error = some(0.4, 60s, 300s);
  troubles.disk_stall = some(0.3, 60s, 300s);
  troubles.clock_jump = some(0.3, 60s, 300s);
  troubles.worker_crash = some(0.5, 30s, 300s) / crowd;
  troubles.connection_loss = some(0.5, 10s, 200s) / crowd;
  troubles.partition = some(0.4, 60s, 300s) / crowd;
  troubles.slow_link = some(0.3, 60s, 300s) / crowd;
  troubles.straggler = some(0.3, 60s, 300s) / crowd;
  troubles.pause = some(0.4, 30s, 300s) / crowd;
  troubles.drain = some(0.3, 60s, 300s) / crowd;
  troubles.refusal = some(0.2, 60s, 300s) / crowd;
  troubles.engine_failure = some(0.3, 60s, 300s) / crowd;
  troubles.model_change = some(0.15, 120s, 600s);
  troubles.key_change = some(0.2, 60s, 300s);
  return troubles;
}

VirtualClient::Habits make_habits(Random& random, const Scenario& scenario, const domain::KeyId& key,
                                  double jobs_per_second) {
  VirtualClient::Habits habits;
  habits.key = key;
  for (const auto& model : scenario.coordinator.models)
    habits.models.push_back(model.name);
  // Some want one thing only.
  if (random.chance(0.5)) habits.models = {random.pick(habits.models)};
  const auto interval = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / jobs_per_second));
  const double kind = random.unit();
  if (kind < 0.6) habits.between_jobs = interval;
  if (kind > 0.4 && kind < 0.9) {
    habits.flood =
        static_cast<std::size_t>(random.between(5, 60)) * std::max<std::size_t>(1, scenario.workers.size() / 10);
    habits.between_floods = interval * static_cast<std::int64_t>(habits.flood);
  }
  if (kind > 0.8 || random.chance(0.3)) habits.between_questions = interval;
  habits.repeats = random.chance(0.5) ? 0.2 : 0;
  habits.cancels = random.chance(0.5) ? 0.1 : 0;
  habits.retries = random.chance(0.3) ? 0.1 : 0;
  habits.delays = random.chance(0.3) ? 0.2 : 0;
  habits.deadlines = random.chance(0.3) ? 0.2 : 0;
  habits.poison = random.chance(0.4) ? random.between(0.005, 0.1) : 0;
  habits.has_priorities = random.chance(0.6);
  return habits;
}

// Keys that all want the same model all the time, and nothing else.
void make_contest(Random& random, Scenario& scenario, double jobs_per_second) {
  scenario.coordinator.models.resize(1);
  for (auto& [key, policy] : scenario.coordinator.keys) {
    policy = domain::KeyPolicy{};
    policy.weight = random.between(0.25, 4.0);
  }
  for (auto& habits : scenario.clients) {
    habits.models = {scenario.coordinator.models.front().name};
    habits.between_jobs = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / jobs_per_second));
    habits.between_floods = Duration(0);
    habits.between_questions = Duration(0);
    habits.delays = 0;
    habits.deadlines = 0;
    habits.poison = 0;
  }
  scenario.troubles.model_change = Duration(0);
  scenario.troubles.key_change = Duration(0);
}

// Of some workers, with room for one or a few models each, and models that use several.
void add_gpus(Random& random, Scenario& scenario) {
  for (auto& traits : scenario.workers) {
    if (!random.chance(0.7)) continue;
    traits.gpus = static_cast<unsigned>(random.between(1, 4));
    traits.gpu_bytes = static_cast<std::uint64_t>(random.between(10, 60)) * 100'000'000;
  }
  // Whatever a model asks for, one worker has it.
  scenario.workers.front().gpus = 3;
  scenario.workers.front().gpu_bytes = 3'000'000'000;
  for (auto& model : scenario.coordinator.models) {
    model.shape.layers = 12;
    if (random.chance(0.2)) model.gpu_policy = domain::GpuPolicy::spread;
    if (random.chance(0.3)) model.gpu_policy = domain::GpuPolicy::each;
    if (random.chance(0.2)) model.gpus = {"GPU" + std::to_string(random.between(0, 2))};
    if (random.chance(0.2)) model.idle_timeout = std::chrono::seconds(random.between(40, 120));
  }
}

}  // namespace

Scenario make_scenario(Random& random, Size size) {
  Scenario scenario;
  scenario.duration = std::chrono::minutes(size.minutes > 0 ? size.minutes : random.between(4, 12));
  scenario.coordinator.limits = make_limits(random);
  scenario.coordinator.models = make_models(random);
  const std::size_t workers = size.workers > 0 ? size.workers : static_cast<std::size_t>(random.between(1, 7));
  scenario.coordinator.compare_every = static_cast<unsigned>(std::max<std::size_t>(8, workers * 2));
  // In some worlds models have to take turns.
  const bool is_narrow = random.chance(0.3);
  double slots = 0;
  for (const auto& model : scenario.coordinator.models)
    slots += model.slots * static_cast<double>(workers);
  for (std::size_t i = 0; i < workers; ++i) {
    VirtualWorker::Traits traits;
    traits.keeps_leases = random.chance(0.7);
    traits.speed = random.between(15.0, 60.0);
    // Too little for some models.
    if (is_narrow || random.chance(0.1))
      traits.memory_bytes = static_cast<std::uint64_t>(random.between(3, 6)) * 1'000'000'000;
    scenario.workers.push_back(traits);
  }
  scenario.troubles = make_troubles(random, workers);
  const auto keys = random.between(1, 5);
  const double load = random.between(0.3, 1.4);
  for (std::int64_t i = 0; i < keys; ++i) {
    const domain::KeyId key("key_" + std::to_string(i));
    scenario.coordinator.keys[key] = make_policy(random);
    const double share = load * slots / mean_service_seconds / static_cast<double>(keys);
    scenario.clients.push_back(make_habits(random, scenario, key, share));
  }
  if (random.chance(0.15)) make_contest(random, scenario, 2 * slots / mean_service_seconds / static_cast<double>(keys));
  if (random.chance(0.3)) add_gpus(random, scenario);
  return scenario;
}

}  // namespace gogrid::simulation
