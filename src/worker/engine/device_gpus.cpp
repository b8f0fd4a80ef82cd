#include "worker/engine/device_gpus.hpp"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <locale>

namespace gogrid::worker {
namespace {

// "AMD Radeon RX 7900 XTX" and "AMD Radeon RX 7900 XTX (RADV NAVI31)".
bool is_part(const std::string& one, const std::string& other) {
  return !one.empty() && !other.empty() &&
         (boost::algorithm::icontains(one, other, std::locale::classic()) ||
          boost::algorithm::icontains(other, one, std::locale::classic()));
}

}  // namespace

std::vector<std::string> match_gpus(const std::vector<EngineDevice>& devices, const std::vector<Gpu>& gpus) {
  std::vector<const Gpu*> left;
  left.reserve(gpus.size());
  for (const Gpu& gpu : gpus)
    left.push_back(&gpu);
  std::sort(left.begin(), left.end(), [](const Gpu* one, const Gpu* other) { return one->id < other->id; });
  std::vector<std::string> ids(devices.size());
  const auto take = [&](std::size_t device, auto is_it) {
    if (!ids[device].empty()) return;
    const auto found = std::find_if(left.begin(), left.end(), is_it);
    if (found == left.end()) return;
    ids[device] = (*found)->id;
    left.erase(found);
  };
  for (std::size_t i = 0; i < devices.size(); ++i)
    take(i, [&](const Gpu* gpu) { return gpu->name == devices[i].description; });
  for (std::size_t i = 0; i < devices.size(); ++i)
    take(i, [&](const Gpu* gpu) { return is_part(gpu->name, devices[i].description); });
  // The only one of either.
  if (devices.size() == 1 && gpus.size() == 1) take(0, [](const Gpu*) { return true; });
  return ids;
}

std::map<std::string, std::uint64_t> bytes_of_processes(const std::vector<pid_t>& processes,
                                                        const std::vector<EngineDevice>& devices,
                                                        const std::vector<Gpu>& gpus) {
  std::map<std::string, std::uint64_t> sums;
  const auto ids = match_gpus(devices, gpus);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const auto gpu = std::find_if(gpus.begin(), gpus.end(), [&](const Gpu& one) { return one.id == ids[i]; });
    if (ids[i].empty() || gpu == gpus.end()) continue;
    for (const GpuProcess& process : gpu->reading.processes) {
      const bool is_one = std::find(processes.begin(), processes.end(), process.pid) != processes.end();
      if (is_one && process.bytes) sums[devices[i].name] += *process.bytes;
    }
  }
  return sums;
}

}  // namespace gogrid::worker
