#include "worker/limit_change.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <numeric>

#include "base/blocking.hpp"
#include "worker/config.hpp"
#include "worker/engine/process_memory.hpp"
#include "worker/engine/replica.hpp"
#include "worker/sandbox/sandbox.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

std::string gigabytes(std::uint64_t bytes) { return fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9); }

// What each holds that the system cannot drop.
std::vector<std::uint64_t> read_held(const std::vector<pid_t>& engines) {
  std::vector<std::uint64_t> held;
  for (const pid_t engine : engines) {
    const auto memory = read_host_memory(engine);
    held.push_back(memory ? memory->held_bytes : 0);
  }
  return held;
}

asio::awaitable<void> end_those_over(Sandbox& sandbox, asio::thread_pool& pool,
                                     std::vector<std::shared_ptr<Replica>> running, std::uint64_t limit_bytes) {
  std::vector<pid_t> engines;
  engines.reserve(running.size());
  for (const auto& replica : running)
    engines.push_back(replica->pid());
  auto work = [engines] { return read_held(engines); };
  const std::vector<std::uint64_t> held = co_await run_blocking(pool, std::move(work));
  const auto over = those_over(held, limit_bytes, sandbox.limits().shares_memory());
  for (const std::size_t index : over) {
    running[index]->end_over_limit("it holds " + gigabytes(held[index]) + " of memory; the owner's limit is " +
                                   gigabytes(limit_bytes) + " now");
  }
  for (const std::size_t index : over)
    co_await running[index]->engine_gone();
}

}  // namespace

ResourceLimits resource_limits(const WorkerConfig& config) {
  ResourceLimits limits;
  limits.memory_bytes = memory_limit_bytes(config.max_memory_gb, available_memory_bytes());
  limits.cpu_percent = config.max_cpu_percent;
  limits.idle_priority = config.engine_priority == "idle";
  return limits;
}

std::vector<std::size_t> those_over(const std::vector<std::uint64_t>& held_bytes, std::uint64_t limit_bytes,
                                    bool shared) {
  if (limit_bytes == 0) return {};
  std::vector<std::size_t> order(held_bytes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t one, std::size_t other) { return held_bytes[one] > held_bytes[other]; });
  std::uint64_t sum = std::accumulate(held_bytes.begin(), held_bytes.end(), std::uint64_t{0});
  std::vector<std::size_t> over;
  for (const std::size_t index : order) {
    if ((shared ? sum : held_bytes[index]) <= limit_bytes) break;
    over.push_back(index);
    sum -= held_bytes[index];
  }
  return over;
}

asio::awaitable<Result<void>> change_limits(Sandbox& sandbox, asio::thread_pool& pool,
                                            std::vector<std::shared_ptr<Replica>> replicas, ResourceLimits limits) {
  const auto ended = [](const std::shared_ptr<Replica>& replica) { return replica->pid() == 0; };
  replicas.erase(std::remove_if(replicas.begin(), replicas.end(), ended), replicas.end());
  if (limits.memory_bytes != sandbox.limits().limits().memory_bytes)
    co_await end_those_over(sandbox, pool, replicas, limits.memory_bytes);
  std::vector<pid_t> engines;
  for (const auto& replica : replicas) {
    if (replica->pid() != 0) engines.push_back(replica->pid());
  }
  co_return sandbox.set_limits(limits, engines);
}

}  // namespace gogrid::worker
