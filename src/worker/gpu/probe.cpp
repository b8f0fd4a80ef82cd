#include "worker/gpu/probe.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "worker/gpu/survey_json.hpp"
#include "worker/gpu/vulkan.hpp"

namespace gogrid::worker {
namespace {

constexpr std::chrono::seconds watch_interval{1};
constexpr std::chrono::milliseconds second_look{250};

// Libraries write what they like to standard output and standard error: neither may get between the surveys.
FileDescriptor take_output() {
  FileDescriptor output(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  const auto null = open_file("/dev/null", O_WRONLY);
  if (null) {
    ::dup2(null->get(), STDOUT_FILENO);
    ::dup2(null->get(), STDERR_FILENO);
  }
  return output;
}

bool write_survey(const FileDescriptor& output, const Survey& survey) {
  const std::string line = to_line(survey);
  return write_fully(output.get(), as_bytes(line)).has_value();
}

void look_again_and_again(const FileDescriptor& output, const std::function<Survey()>& look) {
  auto next = std::chrono::steady_clock::now();
  while (write_survey(output, look())) {
    next = std::max(next + watch_interval, std::chrono::steady_clock::now());
    std::this_thread::sleep_until(next);
  }
}

int probe_system(const ProbeOptions& options, const FileDescriptor& output) {
  // The library knows this machine, not the one whose files are looked at.
  SystemProbe probe(options.root, options.disk, options.root == "/" ? "libnvidia-ml.so.1" : "");
  const Survey first = probe.look_without_libraries();
  // The last survey counts: this one, if a library crashes or hangs.
  if (!options.watch && !write_survey(output, first)) return 1;
  std::this_thread::sleep_for(second_look);
  if (!write_survey(output, probe.look())) return 1;
  if (options.watch) {
    std::this_thread::sleep_for(watch_interval);
    look_again_and_again(output, [&probe] { return probe.look(); });
  }
  return 0;
}

int probe_vulkan(const ProbeOptions& options, const FileDescriptor& output) {
  const auto vulkan = VulkanGpus::open();
  const auto look = [&vulkan] {
    Survey survey;
    if (vulkan) survey.gpus = (*vulkan)->read();
    const std::string found = vulkan ? counted(survey.gpus.size(), "device") : vulkan.error().detail;
    survey.looked_at.push_back("Vulkan (" + found + ")");
    return survey;
  };
  const Survey first = look();
  if (!write_survey(output, first)) return 1;
  // Its drivers are not kept for what never changes.
  const bool changes = std::any_of(first.gpus.begin(), first.gpus.end(),
                                   [](const Gpu& gpu) { return gpu.reading.free_bytes.has_value(); });
  if (!options.watch || !changes) return 0;
  std::this_thread::sleep_for(watch_interval);
  look_again_and_again(output, look);
  return 0;
}

}  // namespace

SystemProbe::SystemProbe(std::filesystem::path root, std::filesystem::path disk, std::string nvml_library)
    : root_(root), nvml_library_(std::move(nvml_library)), sysfs_(root), host_(std::move(disk), root) {}

Survey SystemProbe::look() {
  Survey survey = look_without_libraries();
  if (!nvml_library_.empty()) add_nvml(survey);
  return survey;
}

Survey SystemProbe::look_without_libraries() {
  Survey survey;
  survey.host = host_.read();
  survey.gpus = sysfs_.read();
  survey.looked_at.push_back(sysfs_.looked_at());
  return survey;
}

void SystemProbe::add_nvml(Survey& survey) {
  const auto is_nvidia = [](const Gpu& gpu) { return gpu.vendor == "NVIDIA"; };
  const auto sleeps = [&](const Gpu& gpu) { return is_nvidia(gpu) && gpu.reading.asleep; };
  const auto is_awake = [&](const Gpu& gpu) { return is_nvidia(gpu) && !gpu.reading.asleep; };
  const auto& gpus = survey.gpus;
  // Opening the library would wake them.
  if (std::any_of(gpus.begin(), gpus.end(), sleeps) && std::none_of(gpus.begin(), gpus.end(), is_awake)) {
    survey.looked_at.push_back("NVML (left alone: the GPU sleeps)");
    nvml_.reset();
    return;
  }
  if (!nvml_) {
    auto opened = Nvml::open(nvml_library_);
    if (!opened) {
      survey.looked_at.push_back("NVML (" + opened.error().detail + ")");
      return;
    }
    nvml_ = std::move(*opened);
  }
  auto seen = nvml_->read();
  survey.looked_at.push_back("NVML (" + counted(seen.size(), "GPU") + ")");
  for (Gpu& gpu : seen) {
    for (GpuProcess& process : gpu.reading.processes)
      read_process(process, root_);
  }
  // It knows NVIDIA's GPUs better than the kernel does.
  std::swap(seen, survey.gpus);
  merge(survey.gpus, std::move(seen));
}

int run_probe(const ProbeOptions& options) {
  // As it was started by another name ("exe"), by which neither people nor read_process() know it.
  ::prctl(PR_SET_NAME, "gogrid-worker");
  const FileDescriptor output = take_output();
  if (!output) return 1;
  if (options.source == ProbeSource::vulkan) return probe_vulkan(options, output);
  return probe_system(options, output);
}

}  // namespace gogrid::worker
