// How many placements a second the scheduler decides: placement_bench [WORKERS [MODELS [ROUNDS]]]. Each round a request
// comes for every model, none of which is loaded anywhere, so that a worker is chosen for each; then all are let go
// again. Prints JSON.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

#include "domain/scheduler.hpp"

namespace {

using namespace gogrid;
using namespace gogrid::domain;
using namespace std::chrono_literals;

constexpr std::uint64_t gigabyte = 1'000'000'000;

class Grid {
 public:
  Grid(std::size_t workers, std::size_t models) {
    scheduler_.engine_changed("linux-x86_64", EngineBundle{"e", "vulkan", 1, "linux-x86_64"}, now_);
    for (std::size_t i = 0; i < workers; ++i)
      connect(i);
    for (std::size_t i = 0; i < models; ++i)
      add(i);
  }

  // Returns the time that the decisions took.
  std::chrono::nanoseconds round() {
    std::chrono::nanoseconds took{0};
    for (std::size_t i = 0; i < models_.size(); ++i) {
      const RequestId id("r" + std::to_string(++requests_));
      const Request request{id, models_[i], Deadline::at(now_ + 1h)};
      const auto begin = std::chrono::steady_clock::now();
      const Actions actions = scheduler_.request_submitted(request, now_);
      took += std::chrono::steady_clock::now() - begin;
      carry_out(actions);
      carry_out(scheduler_.request_finished(id, now_));
    }
    now_ += 1h;
    carry_out(scheduler_.tick(now_));
    return took;
  }
  std::uint64_t placements() const { return scheduler_.totals().placements; }

 private:
  struct Machine {
    std::uint64_t revision = 0;
    Assignment assignment;
    std::vector<EngineDevice> devices;
  };

  void connect(std::size_t number) {
    const WorkerId id("wk_" + std::to_string(number));
    Machine& machine = machines_[id];
    // A third without a GPU, the others with one to four.
    const std::size_t gpus = number % 3 == 0 ? 0 : 1 + number % 4;
    for (std::size_t i = 0; i < gpus; ++i) {
      const std::uint64_t bytes = (8 + random_() % 5 * 8) * gigabyte;
      machine.devices.push_back({"GPU" + std::to_string(i), "Card " + std::to_string(bytes), bytes, bytes, 0});
    }
    WorkerFacts facts;
    facts.target = "linux-x86_64";
    facts.hardware.memory_bytes = (16 + random_() % 4 * 16) * gigabyte;
    facts.tells_devices = true;
    carry_out(scheduler_.worker_connected(id, facts, now_));
  }

  void add(std::size_t number) {
    Model model;
    model.id = ModelId("mdl_" + std::to_string(number));
    model.name = "model-" + std::to_string(number);
    model.sha256 = "sha-" + std::to_string(number);
    model.size_bytes = (1 + random_() % 40) * gigabyte;
    model.context_tokens = 8192;
    model.slots = 4;
    model.shape = {32 + static_cast<std::uint32_t>(random_() % 48), 131072, 4096, 128256};
    model.idle_timeout = 1min;
    models_.push_back(model.id);
    carry_out(scheduler_.model_added(model, now_));
    now_ += 2min;
    carry_out(scheduler_.tick(now_));
  }

  // All workers do at once what they are told.
  void carry_out(const Actions& actions) {
    for (const auto& action : actions) {
      const auto* assign = std::get_if<Assign>(&action);
      if (assign == nullptr) continue;
      Machine& machine = machines_[assign->worker];
      machine.revision = assign->revision;
      machine.assignment = assign->assignment;
      WorkerReport report;
      report.revision = machine.revision;
      report.engine.progress.phase = Phase::ready;
      report.engine.devices = machine.devices;
      for (const auto& replica : machine.assignment.replicas)
        report.replicas.push_back(
            ReplicaReport{replica.model.id, Progress{Phase::ready, 0, 0, ""}, replica.model.slots, 1});
      carry_out(scheduler_.worker_reported(assign->worker, std::move(report), now_));
    }
  }

  std::mt19937_64 random_{1};
  SteadyTime now_{1h};
  Scheduler scheduler_{SchedulerLimits{}};
  std::map<WorkerId, Machine> machines_;
  std::vector<ModelId> models_;
  std::uint64_t requests_ = 0;
};

std::size_t argument(int argc, char** argv, int index, std::size_t otherwise) {
  return argc > index ? std::strtoul(argv[index], nullptr, 10) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t workers = argument(argc, argv, 1, 1000);
  const std::size_t models = argument(argc, argv, 2, 200);
  const std::size_t rounds = argument(argc, argv, 3, 20);
  Grid grid(workers, models);
  const std::uint64_t before = grid.placements();
  std::chrono::nanoseconds took{0};
  for (std::size_t i = 0; i < rounds; ++i)
    took += grid.round();
  const std::uint64_t placements = grid.placements() - before;
  const double seconds = std::chrono::duration<double>(took).count();
  std::printf("{\"workers\": %zu, \"models\": %zu, \"placements\": %llu, \"seconds\": %.3f, \"per_second\": %.0f}\n",
              workers, models, static_cast<unsigned long long>(placements), seconds,
              static_cast<double>(placements) / seconds);
}
