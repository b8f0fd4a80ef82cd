// What a worker's engines may use: as it is configured now, and as drivers of GPUs say.
#include "base/log.hpp"
#include "worker/limit_change.hpp"
#include "worker/worker.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;

void Worker::set_limits(const WorkerConfig& config) {
  options_.config.max_memory_gb = config.max_memory_gb;
  options_.config.max_cpu_percent = config.max_cpu_percent;
  options_.config.engine_priority = config.engine_priority;
  if (shutting_down_ || std::exchange(changing_limits_, true)) return;
  tasks_.spawn("limits", carry_out_limits());
}

asio::awaitable<void> Worker::carry_out_limits() {
  // Once more if others were set meanwhile.
  for (ResourceLimits wanted; !shutting_down_ && wanted != resource_limits(options_.config);) {
    wanted = resource_limits(options_.config);
    std::vector<std::shared_ptr<Replica>> replicas;
    for (const auto& [key, replica] : replicas_)
      replicas.push_back(replica);
    const auto set = co_await change_limits(sandbox_, pool_, std::move(replicas), wanted);
    if (!set) log().warn("the limits of memory stay as they were: {}", set.error().detail);
  }
  changing_limits_ = false;
  // What the coordinator may plan with, and what the status says.
  session_.hardware_changed();
  changed(Change::important);
}

VramWatch::Sources Worker::vram_sources() {
  VramWatch::Sources sources;
  sources.engines = [this] {
    std::vector<std::shared_ptr<Replica>> engines;
    // Software's memory is the machine's.
    if (options_.config.software_gpus > 0) return engines;
    for (const auto& [key, replica] : replicas_) {
      if (replica->is_on_devices()) engines.push_back(replica);
    }
    return engines;
  };
  sources.look = [this] { return hardware_.look(); };
  sources.computing = [this] { return engine_activity().computing; };
  return sources;
}

}  // namespace gogrid::worker
