#include "worker/engine/engine_command.hpp"

#include <unistd.h>

#include <system_error>

namespace gogrid::worker {
namespace {

// Prompts that the engine keeps in memory to reuse. Its own default is 8 GiB.
constexpr const char* prompt_cache_mib = "512";
constexpr int max_library_depth = 3;
// Prompt tokens that are computed at once. A request that is hung up frees its slot only between two such batches.
constexpr const char* batch_tokens = "256";

std::vector<std::string> server_arguments(const ReplicaSpec& replica, std::vector<std::string> arguments,
                                          const std::string& socket, std::int64_t threads) {
  const auto more = {std::string("--host"),       socket,
                     std::string("--alias"),      replica.model_name,
                     std::string("--parallel"),   std::to_string(replica.slots),
                     std::string("--offline"),    std::string("--no-webui"),
                     std::string("--cache-ram"),  std::string(prompt_cache_mib),
                     std::string("--log-colors"), std::string("off")};
  arguments.insert(arguments.end(), more);
  if (!replica.kv_type.empty()) {
    // A quantized context needs flash attention.
    arguments.insert(arguments.end(),
                     {"--cache-type-k", replica.kv_type, "--cache-type-v", replica.kv_type, "--flash-attn", "on"});
  }
  // llama-server divides the context among its slots.
  const std::uint64_t context = static_cast<std::uint64_t>(replica.context_tokens) * replica.slots;
  if (context > 0) arguments.insert(arguments.end(), {"--ctx-size", std::to_string(context)});
  if (threads > 0) arguments.insert(arguments.end(), {"--threads", std::to_string(threads)});
  std::string batch = batch_tokens;
  if (replica.kind != ModelKind::chat) {
    arguments.push_back(replica.kind == ModelKind::embedding ? "--embeddings" : "--reranking");
    // These take a whole input at once or refuse it.
    if (replica.context_tokens > 0) batch = std::to_string(replica.context_tokens);
  }
  arguments.insert(arguments.end(), {"--batch-size", batch, "--ubatch-size", batch});
  return arguments;
}

// A host's llama-server brings its libraries beside it or in ../lib. Only those are shown to it, not the directory it
// lies in, which may be somebody's home.
void add_local_engine(const Engine& engine, SandboxSpec& spec) {
  const std::filesystem::path executable = engine.executable;
  if (executable.native().starts_with("/usr/")) return;
  spec.read_only.emplace_back(executable, executable.string());
  std::error_code error;
  const auto parent = executable.parent_path();
  for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".so") || name.find(".so.") != std::string::npos)
      spec.read_only.emplace_back(entry.path(), entry.path().string());
  }
  const auto libraries = parent.parent_path() / "lib";
  if (parent.filename() == "bin" && std::filesystem::is_directory(libraries, error)) {
    spec.read_only.emplace_back(libraries, libraries.string());
  }
}

// Without a sandbox a bundle's program is started by the bundle's own dynamic loader, from the directory of its
// backends.
void add_host_command(const Engine& engine, EngineLaunch& launch) {
  if (engine.root.empty()) {
    launch.host.arguments = {engine.executable};
    return;
  }
  std::string loader;
  std::string library_path;
  std::error_code error;
  for (const char* place : {"usr/lib64", "usr/lib"}) {
    for (const auto& entry : std::filesystem::directory_iterator(engine.root / place, error)) {
      if (loader.empty() && entry.path().filename().string().starts_with("ld-linux")) loader = entry.path().string();
    }
  }
  for (auto entry = std::filesystem::recursive_directory_iterator(engine.root / "usr/lib", error);
       !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    if (entry.depth() >= max_library_depth) entry.disable_recursion_pending();
    if (!entry->is_directory(error)) {
      if (loader.empty() && entry->path().filename().string().starts_with("ld-linux")) loader = entry->path().string();
      continue;
    }
    library_path += (library_path.empty() ? "" : ":") + entry->path().string();
    if (entry->path().filename().string().starts_with("backends")) launch.host.directory = entry->path();
  }
  launch.host.arguments = {loader, "--library-path", library_path, engine.root.string() + engine.executable};
}

// llama.cpp takes a Vulkan device that is no GPU only when it is named, by its number; twice is two devices. Mesa's
// software driver is the only one that is loaded, so that it has number 0.
void add_software_gpus(std::uint32_t count, EngineLaunch& launch) {
  std::string numbers;
  for (std::uint32_t i = 0; i < count; ++i)
    numbers += i == 0 ? "0" : ",0";
  launch.spec.environment.emplace_back("GGML_VK_VISIBLE_DEVICES", numbers);
  // Debian's engine bundles, and distributions for themselves; what is not there is skipped.
  launch.spec.environment.emplace_back("VK_DRIVER_FILES",
                                       "/usr/share/vulkan/icd.d/lvp_icd.json:"
                                       "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json:"
                                       "/usr/share/vulkan/icd.d/lvp_icd.aarch64.json");
  // Compiling its shaders takes it far longer than the little that it computes.
  launch.spec.environment.emplace_back("GALLIVM_PERF", "nopt");
  launch.spec.environment.emplace_back("LP_NATIVE_VECTOR_WIDTH", "128");
}

// What every run of the engine has, whatever its arguments are.
EngineLaunch engine_world(const Engine& engine) {
  EngineLaunch launch;
  launch.spec.root = engine.root;
  if (engine.root.empty()) add_local_engine(engine, launch.spec);
  if (engine.gpu) launch.spec.gpu = engine.software_gpus > 0 ? GpuDevices() : find_gpu_devices();
  // CUDA, which only a host's own engine has, names its threads there and does not start where it cannot.
  launch.spec.own_proc_files = engine.root.empty() && launch.spec.gpu && launch.spec.gpu->nvidia && ::geteuid() != 0;
  launch.spec.environment = {{"PATH", "/usr/bin"}, {"HOME", "/tmp"}, {"GGML_NO_BACKTRACE", "1"}};
  if (engine.gpu && engine.software_gpus > 0) add_software_gpus(engine.software_gpus, launch);
  for (const auto& variable : engine.environment)
    launch.spec.environment.push_back(variable);
  launch.spec.command = {engine.executable};
  add_host_command(engine, launch);
  return launch;
}

}  // namespace

std::string gpu_trouble(const Engine& engine, const GpuDevices& gpus, bool is_root) {
  if (!engine.root.empty()) return gpus.bundle_trouble();
  return gpus.nvidia && is_root ? "CUDA does not start for root: run the worker as an ordinary user" : "";
}

EngineLaunch device_list_launch(const Engine& engine) {
  EngineLaunch launch = engine_world(engine);
  launch.spec.command.emplace_back("--list-devices");
  launch.host.arguments.emplace_back("--list-devices");
  return launch;
}

EngineLaunch engine_launch(const Engine& engine, const ReplicaSpec& replica, const ModelFiles& files,
                           const std::filesystem::path& socket_dir, std::int64_t threads,
                           const std::vector<std::string>& devices) {
  EngineLaunch launch = engine_world(engine);
  launch.host.socket_dir = socket_dir;
  for (auto& mount : files.mounts())
    launch.spec.read_only.push_back(std::move(mount));
  const std::string socket = std::string(sandbox_socket_dir) + "/" + engine_socket_name;
  for (auto& argument : server_arguments(replica, files.arguments(sandbox_model_dir), socket, threads))
    launch.spec.command.push_back(argument);
  for (auto& argument : server_arguments(replica, files.host_arguments(socket_dir),
                                         (socket_dir / engine_socket_name).string(), threads)) {
    launch.host.arguments.push_back(argument);
  }
  std::vector<std::string> further = devices;
  // The buffers that it makes on devices are logged at 4 (BufferLog); nothing of a request's text is.
  if (engine.gpu) further.insert(further.end(), {"--log-verbosity", "4"});
  for (const std::string& argument : further) {
    launch.spec.command.push_back(argument);
    launch.host.arguments.push_back(argument);
  }
  return launch;
}

}  // namespace gogrid::worker
