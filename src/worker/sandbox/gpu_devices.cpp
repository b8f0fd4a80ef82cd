#include "worker/sandbox/gpu_devices.hpp"

#include <algorithm>

#include "base/file.hpp"

namespace gogrid::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_fact_bytes = 64;

bool is_numbered(const std::string& name, const std::string& prefix) {
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

bool is_nvidia_node(const std::string& name) {
  return is_numbered(name, "nvidia") || name == "nvidiactl" || name == "nvidia-uvm" || name == "nvidia-uvm-tools";
}

class Search {
 public:
  explicit Search(fs::path root) : root_(std::move(root)) {}

  GpuDevices run() {
    for (const auto& name : names_in("dev/dri")) {
      if (is_numbered(name, "renderD")) add_render_node(name);
    }
    for (const auto& name : names_in("dev")) {
      if (is_nvidia_node(name)) found_.nodes.push_back("/dev/" + name);
    }
    if (exists(root_ / "dev/kfd")) add_compute_node();
    return std::move(found_);
  }

 private:
  static bool exists(const fs::path& path) {
    std::error_code error;
    return fs::exists(path, error);
  }
  std::vector<std::string> names_in(const char* directory) const {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root_ / directory, error))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  // As the sandbox will name it.
  std::string inside(const fs::path& path) const { return "/" + path.lexically_relative(root_).string(); }

  // libdrm finds a node's device by its number and reads there whose it is.
  void add_render_node(const std::string& name) {
    found_.nodes.push_back("/dev/dri/" + name);
    std::error_code error;
    const fs::path node = fs::canonical(root_ / "sys/class/drm" / name, error);
    if (error) return;
    const fs::path device = fs::canonical(node / "device", error);
    const auto number = read_file(node / "dev", max_fact_bytes);
    if (error || !number) return;
    found_.facts.push_back(inside(node));
    for (const char* fact :
         {"uevent", "vendor", "device", "revision", "class", "subsystem_vendor", "subsystem_device"}) {
      if (exists(device / fact)) found_.facts.push_back(inside(device / fact));
    }
    const auto bus = fs::read_symlink(device / "subsystem", error);
    if (!error) found_.links.emplace_back(inside(device / "subsystem"), bus.string());
    found_.links.emplace_back("/sys/dev/char/" + number->substr(0, number->find('\n')), inside(node));
  }

  void add_compute_node() {
    found_.nodes.push_back("/dev/kfd");
    const fs::path node = root_ / "sys/devices/virtual/kfd/kfd";
    if (!exists(node)) return;
    found_.facts.push_back(inside(node));
    found_.links.emplace_back("/sys/class/kfd/kfd", inside(node));
  }

  fs::path root_;
  GpuDevices found_;
};

}  // namespace

std::string GpuDevices::description() const {
  if (nodes.empty()) return "no GPU found";
  std::string text = "may use";
  for (const std::string& node : nodes)
    text += " " + node;
  return text;
}

GpuDevices find_gpu_devices(const fs::path& root) {
  std::error_code error;
  const fs::path canonical = fs::canonical(root, error);
  return error ? GpuDevices() : Search(canonical).run();
}

}  // namespace gogrid::worker
