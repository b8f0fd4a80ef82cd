#include <algorithm>
#include <set>

#include "worker/facts_file.hpp"
#include "worker/gpu/sysfs.hpp"

namespace gogrid::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_fdinfo_bytes = 16 * 1024;
// An engine's process is a child of its sandbox's, which is one of the worker's.
constexpr int max_ancestors = 8;
constexpr std::string_view worker_name = "gogrid-worker";

// "192 KiB"; without a unit bytes.
std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto space = text.find(' ');
  const auto number = parse_number(text.substr(0, space));
  if (!number) return std::nullopt;
  const std::string_view unit = space == std::string_view::npos ? "" : trimmed(text.substr(space));
  const int shift = unit == "KiB" ? 10 : unit == "MiB" ? 20 : 0;
  if (*number > (std::uint64_t{1} << 50) >> shift) return std::nullopt;
  return *number << shift;
}

// Memory of the GPU itself: "vram", "vram0", "local0". The rest is the machine's that it reaches.
bool is_own_region(std::string_view region) { return region.starts_with("vram") || region.starts_with("local"); }

struct Regions {
  // drm-resident-REGION; and what drivers said before there was that.
  std::map<std::string, std::uint64_t, std::less<>> resident;
  std::map<std::string, std::uint64_t, std::less<>> memory;

  std::optional<std::uint64_t> own() const {
    const auto& regions = resident.empty() ? memory : resident;
    std::optional<std::uint64_t> own_bytes;
    std::uint64_t other_bytes = 0;
    for (const auto& [region, bytes] : regions) {
      if (is_own_region(region)) {
        own_bytes = own_bytes.value_or(0) + bytes;
      } else if (region.starts_with("system")) {
        other_bytes += bytes;
      }
    }
    if (own_bytes || regions.empty()) return own_bytes;
    return other_bytes;
  }
};

// Of /proc/PID/stat: the name may hold anything, so what follows its last bracket counts.
std::int64_t parent_of(const fs::path& process) {
  const std::string stat = read_fact(process / "stat");
  const auto end = stat.rfind(')');
  if (end == std::string::npos || end + 4 >= stat.size()) return 0;
  const std::string_view rest = std::string_view(stat).substr(end + 4);
  return parse_number<std::int64_t>(rest.substr(0, rest.find(' '))).value_or(0);
}

struct Users {
  std::map<std::string, std::vector<GpuProcess>> by_gpu;
  std::set<std::pair<std::string, std::string>> seen;
  std::size_t count = 0;
  // The GPU's id, what keeps it busy, which of its parts: in nanoseconds; and of which process that is.
  std::map<std::tuple<std::string, std::string, std::string>, std::pair<std::uint64_t, std::int64_t>> busy;
};

void add_use(Users& users, const DrmUse& use, std::int64_t pid) {
  if (use.gpu_id.empty() || users.count >= max_gpus * max_gpu_processes) return;
  if (!use.client_id.empty() && !users.seen.emplace(use.gpu_id, use.client_id).second) return;
  auto& processes = users.by_gpu[use.gpu_id];
  auto known = std::find_if(processes.begin(), processes.end(), [pid](const auto& p) { return p.pid == pid; });
  if (known == processes.end()) {
    known = processes.insert(processes.end(), GpuProcess());
    known->pid = pid;
    ++users.count;
  }
  if (use.bytes) known->bytes = known->bytes.value_or(0) + *use.bytes;
  // Without an id it cannot be found again.
  if (use.client_id.empty()) return;
  for (const auto& [part, nanoseconds] : use.busy)
    users.busy[{use.gpu_id, use.client_id, part}] = {nanoseconds, pid};
}

// "3420134 ns"
std::optional<std::uint64_t> parse_nanoseconds(std::string_view text) {
  if (!text.ends_with(" ns")) return std::nullopt;
  return parse_number(text.substr(0, text.size() - 3));
}

}  // namespace

DrmUse parse_fdinfo(std::string_view text) {
  DrmUse use;
  Regions regions;
  constexpr std::size_t max_regions = 64;
  constexpr std::size_t max_parts = 16;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !line.starts_with("drm-")) continue;
    const std::string_view key = line.substr(4, colon - 4);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (key == "pdev") use.gpu_id = pci_gpu_id(value);
    if (key == "client-id") use.client_id = value.substr(0, 20);
    constexpr std::string_view engine = "engine-";
    if (key.starts_with(engine) && use.busy.size() < max_parts) {
      if (const auto busy = parse_nanoseconds(value)) use.busy.emplace(key.substr(engine.size()), *busy);
    }
    for (auto [prefix, into] : {std::pair(std::string_view("resident-"), &regions.resident),
                                std::pair(std::string_view("memory-"), &regions.memory)}) {
      if (!key.starts_with(prefix) || into->size() >= max_regions) continue;
      if (const auto bytes = parse_size(value)) into->insert_or_assign(std::string(key.substr(prefix.size())), *bytes);
    }
  }
  use.bytes = regions.own();
  return use;
}

void read_process(GpuProcess& process, const fs::path& root) {
  process.name = read_fact(root / "proc" / std::to_string(process.pid) / "comm").substr(0, max_gpu_text_bytes);
  std::int64_t pid = process.pid;
  for (int i = 0; i < max_ancestors && pid > 1; ++i) {
    const fs::path directory = root / "proc" / std::to_string(pid);
    process.ours = process.ours || read_fact(directory / "comm") == worker_name;
    if (process.ours) return;
    pid = parent_of(directory);
  }
}

std::map<std::string, std::vector<GpuProcess>> DrmProcesses::read() {
  Users users;
  const auto now = std::chrono::steady_clock::now();
  for (const std::string& name : names_in(root_ / "proc")) {
    const auto pid = parse_number<std::int64_t>(name);
    if (!pid) continue;
    const fs::path process = root_ / "proc" / name;
    for (const std::string& fd : names_in(process / "fd")) {
      std::error_code error;
      const auto target = fs::read_symlink(process / "fd" / fd, error);
      if (error || !target.native().starts_with("/dev/dri/")) continue;
      const auto text = read_file(process / "fdinfo" / fd, max_fdinfo_bytes);
      if (text) add_use(users, parse_fdinfo(*text), *pid);
    }
  }
  // A GPU has parts that work at the same time: the busiest one is what a process takes of it.
  const double elapsed = std::chrono::duration<double, std::nano>(now - before_).count();
  std::map<std::tuple<std::string, std::int64_t, std::string>, double> shares;
  for (const auto& [place, busy] : users.busy) {
    const auto earlier = busy_before_.find(place);
    if (earlier == busy_before_.end() || busy.first < earlier->second || elapsed <= 0) continue;
    shares[{std::get<0>(place), busy.second, std::get<2>(place)}] +=
        100.0 * static_cast<double>(busy.first - earlier->second) / elapsed;
  }
  for (auto& [id, processes] : users.by_gpu) {
    for (GpuProcess& process : processes) {
      read_process(process, root_);
      for (auto share = shares.lower_bound({id, process.pid, ""});
           share != shares.end() && std::get<0>(share->first) == id && std::get<1>(share->first) == process.pid;
           ++share)
        process.utilisation_percent = std::max(process.utilisation_percent.value_or(0), std::min(100.0, share->second));
    }
  }
  before_ = now;
  busy_before_.clear();
  for (const auto& [place, busy] : users.busy)
    busy_before_.emplace(place, busy.first);
  return std::move(users.by_gpu);
}

}  // namespace gogrid::worker
