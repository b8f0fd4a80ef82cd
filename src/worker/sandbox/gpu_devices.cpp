#include "worker/sandbox/gpu_devices.hpp"

#include <algorithm>
#include <map>

#include "worker/facts_file.hpp"

namespace gogrid::worker {
namespace {

namespace fs = std::filesystem;

// Where distributions, and hosts of containers, keep libraries; the first that has one counts, and 64 bits come first.
constexpr const char* library_directories[] = {
#if defined(__x86_64__)
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu/nvidia/current",
    "usr/lib/x86_64-linux-gnu/nvidia",
#elif defined(__aarch64__)
    "usr/lib/aarch64-linux-gnu",
    "usr/lib/aarch64-linux-gnu/nvidia/current",
    "usr/lib/aarch64-linux-gnu/nvidia",
#endif
    "usr/lib64",
    "usr/lib64/nvidia",
    "usr/lib",
    "usr/lib/nvidia",
    "usr/local/nvidia/lib64",
    "run/opengl-driver/lib"};
// Of the driver's many libraries, what computes with Vulkan without a screen. They look for each other by the version.
constexpr const char* nvidia_libraries[] = {"libEGL_nvidia",     "libnvidia-eglcore",   "libnvidia-glsi",
                                            "libnvidia-gpucomp", "libnvidia-glvkspirv", "libnvidia-tls"};
// The first of them, as the bundle's description of the driver names it (engine/build).
constexpr const char* nvidia_vulkan = "libEGL_nvidia.so.0";

bool is_nvidia_node(const std::string& name) {
  return is_numbered(name, "nvidia") || name == "nvidiactl" || name == "nvidia-uvm" || name == "nvidia-uvm-tools";
}

class Search {
 public:
  explicit Search(fs::path root) : root_(std::move(root)) {}

  GpuDevices run() {
    for (const auto& name : names_in(root_ / "dev/dri")) {
      if (is_numbered(name, "renderD")) add_render_node(name);
    }
    for (const auto& name : names_in(root_ / "dev")) {
      if (is_nvidia_node(name)) found_.nodes.push_back("/dev/" + name);
    }
    if (exists(root_ / "dev/kfd")) add_compute_node();
    const auto is_gpu = [](const std::string& node) { return is_numbered(node, "/dev/nvidia"); };
    found_.nvidia = std::any_of(found_.nodes.begin(), found_.nodes.end(), is_gpu);
    if (found_.nvidia) add_nvidia_libraries();
    return std::move(found_);
  }

 private:
  static bool exists(const fs::path& path) {
    std::error_code error;
    return fs::exists(path, error);
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
    const std::string number = read_fact(node / "dev");
    if (error || number.empty()) return;
    found_.facts.push_back(inside(node));
    for (const char* fact :
         {"uevent", "vendor", "device", "revision", "class", "subsystem_vendor", "subsystem_device"}) {
      if (exists(device / fact)) found_.facts.push_back(inside(device / fact));
    }
    const auto bus = fs::read_symlink(device / "subsystem", error);
    if (!error) found_.links.emplace_back(inside(device / "subsystem"), bus.string());
    found_.links.emplace_back("/sys/dev/char/" + number, inside(node));
  }

  void add_compute_node() {
    found_.nodes.push_back("/dev/kfd");
    const fs::path node = root_ / "sys/devices/virtual/kfd/kfd";
    if (!exists(node)) return;
    found_.facts.push_back(inside(node));
    found_.links.emplace_back("/sys/class/kfd/kfd", inside(node));
  }

  // Those of the version that the kernel runs, by the names that programs and they themselves look for.
  void add_nvidia_libraries() {
    found_.nvidia_version = read_fact(root_ / "sys/module/nvidia/version");
    std::map<std::string, std::string> libraries;
    for (const char* directory : library_directories) {
      const auto look_for = [&](const std::string& name) {
        std::error_code error;
        const fs::path file = fs::canonical(root_ / directory / name, error);
        const std::string wanted = name.substr(0, name.find(".so.")) + ".so." + found_.nvidia_version;
        if (!error && file.filename() == wanted) libraries.try_emplace(name, file.string());
      };
      look_for(nvidia_vulkan);
      for (const char* library : nvidia_libraries)
        look_for(std::string(library) + ".so." + found_.nvidia_version);
    }
    for (auto& [name, file] : libraries)
      found_.libraries.emplace_back(std::move(file), name);
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

std::string GpuDevices::bundle_trouble() const {
  const auto is_vulkan = [](const auto& library) { return library.second == nvidia_vulkan; };
  if (!nvidia || std::any_of(libraries.begin(), libraries.end(), is_vulkan)) return {};
  return std::string(nvidia_vulkan) + (nvidia_version.empty() ? "" : " of NVIDIA's driver " + nvidia_version) +
         " was not found: install it (Debian: libegl-nvidia0; Ubuntu: libnvidia-gl-VERSION), or "
         "restart the machine if the driver was updated";
}

GpuDevices find_gpu_devices(const fs::path& root) {
  std::error_code error;
  const fs::path canonical = fs::canonical(root, error);
  return error ? GpuDevices() : Search(canonical).run();
}

}  // namespace gogrid::worker
