// How llama-server is started for one replica. And what the worker knows of a model it should serve.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/engine/device_plan.hpp"
#include "worker/engine/model_files.hpp"
#include "worker/replica_key.hpp"
#include "worker/sandbox/sandbox.hpp"

namespace gogrid::worker {

enum class ModelKind { chat, embedding, rerank };

struct ReplicaSpec {
  ReplicaKey key;
  std::string model_name;
  std::vector<FileSpec> files;
  ModelKind kind = ModelKind::chat;
  std::uint32_t context_tokens = 0;  // of each slot; 0: what the model has
  std::uint32_t slots = 1;
  // llama.cpp's name of how the context is kept; empty: its own choice.
  std::string kv_type;
  // Absent: the engine decides.
  std::optional<Placement> placement;

  friend bool operator==(const ReplicaSpec&, const ReplicaSpec&) = default;
};

// An engine that is ready to be started: an unpacked bundle or a llama-server of the host.
struct Engine {
  std::string id;              // the bundle's SHA-256, or "local"
  std::filesystem::path root;  // empty: of the host
  std::string executable;      // in the root
  std::vector<std::pair<std::string, std::string>> environment;
  std::string description;
  // It may use the machine's GPUs.
  bool gpu = false;
  // How often it sees Mesa's software GPU, and then no other. For trying things out.
  std::uint32_t software_gpus = 0;
};

struct EngineLaunch {
  SandboxSpec spec;
  HostCommand host;
};

// Why it cannot compute on some of the GPUs, and what to do about it; empty: it can. Root's engines cannot use CUDA
// (see SandboxSpec::own_proc_files).
std::string gpu_trouble(const Engine& engine, const GpuDevices& gpus, bool is_root);

inline constexpr const char* engine_socket_name = "engine.sock";

// `threads` 0: the engine decides. `socket_dir` counts without a sandbox only. `devices` is what device_arguments made
// of the placement.
EngineLaunch engine_launch(const Engine& engine, const ReplicaSpec& replica, const ModelFiles& files,
                           const std::filesystem::path& socket_dir, std::int64_t threads,
                           const std::vector<std::string>& devices = {});

// The engine as it lists the devices it sees, and ends.
EngineLaunch device_list_launch(const Engine& engine);

}  // namespace gogrid::worker
