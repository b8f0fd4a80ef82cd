#include "worker/assignment_message.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "base/sha256.hpp"
#include "wire/frame.hpp"

namespace gogrid::worker {
namespace {

// As many as the coordinator reads in a worker's state.
constexpr std::size_t max_replicas = 1024;
// What is assigned is told again in Hello, all of it in one frame.
constexpr std::size_t max_held_bytes = wire::max_frame_bytes / 2;
constexpr std::size_t max_id_bytes = 128;
constexpr std::uint32_t max_slots = 1024;
constexpr int max_model_files = 2048;
constexpr std::uint32_t max_context_tokens = 16u << 20;

ModelKind from_wire(wire::ModelKind kind) {
  if (kind == wire::MODEL_KIND_EMBEDDING) return ModelKind::embedding;
  if (kind == wire::MODEL_KIND_RERANK) return ModelKind::rerank;
  return ModelKind::chat;
}

std::optional<FileRole> from_wire(wire::FileRole role) {
  switch (role) {
    case wire::FILE_ROLE_WEIGHTS:
      return FileRole::weights;
    case wire::FILE_ROLE_PROJECTOR:
      return FileRole::projector;
    case wire::FILE_ROLE_ADAPTER:
      return FileRole::adapter;
    case wire::FILE_ROLE_CHAT_TEMPLATE:
      return FileRole::chat_template;
    default:
      return std::nullopt;
  }
}

std::string kv_type_name(wire::KvType type) {
  if (type == wire::KV_TYPE_Q8_0) return "q8_0";
  return type == wire::KV_TYPE_Q4_0 ? "q4_0" : "";
}

// Empty when they cannot be used.
std::vector<FileSpec> read_files(const wire::ReplicaAssignment& replica) {
  std::vector<FileSpec> files;
  if (replica.files().empty() || replica.files_size() > max_model_files) {
    FileSpec only;
    only.blob = BlobSpec{replica.blob().sha256(), replica.blob().size_bytes()};
    if (is_sha256(only.blob.sha256)) files.push_back(std::move(only));
    return files;
  }
  for (const auto& file : replica.files()) {
    const auto role = from_wire(file.role());
    if (!role || !is_sha256(file.blob().sha256())) return {};
    FileSpec spec;
    spec.role = *role;
    spec.blob = BlobSpec{file.blob().sha256(), file.blob().size_bytes()};
    if (*role == FileRole::adapter) spec.scale_permille = file.scale_permille();
    files.push_back(std::move(spec));
  }
  const bool has_weights =
      std::any_of(files.begin(), files.end(), [](const FileSpec& file) { return file.role == FileRole::weights; });
  if (!has_weights) files.clear();
  return files;
}

// A name is an argument of the engine's: one that begins with a dash would be read as an option, and a zero ends it.
bool is_model_name(const std::string& name) {
  return !name.empty() && name.size() <= 256 && name.front() != '-' &&
         name.find_first_of(std::string_view(",\0", 2)) == std::string::npos;
}

bool has_good_placement(const wire::ReplicaAssignment& replica) {
  const auto& devices = replica.placement().devices();
  return static_cast<std::size_t>(devices.size()) <= max_engine_devices &&
         std::all_of(devices.begin(), devices.end(),
                     [](const wire::DeviceShare& share) { return is_device_name(share.device()); });
}

std::optional<Placement> read_placement(const wire::ReplicaAssignment& replica) {
  if (!replica.has_placement()) return std::nullopt;
  Placement placement;
  for (const auto& share : replica.placement().devices())
    placement.devices.push_back({share.device(), share.expected_bytes()});
  placement.device_layers = replica.placement().device_layers();
  placement.model_layers = replica.placement().model_layers();
  return placement;
}

}  // namespace

wire::ReplicaAssignment to_held(const ReplicaSpec& spec) {
  wire::ReplicaAssignment held;
  held.set_model_id(spec.key.model_id);
  held.set_copy(spec.key.copy);
  held.set_context_tokens(spec.context_tokens);
  if (!spec.placement) return held;
  auto& placement = *held.mutable_placement();
  placement.set_device_layers(spec.placement->device_layers);
  placement.set_model_layers(spec.placement->model_layers);
  for (const DeviceShare& share : spec.placement->devices) {
    auto& sent = *placement.add_devices();
    sent.set_device(share.device);
    sent.set_expected_bytes(share.expected_bytes);
  }
  return held;
}

std::vector<ReplicaSpec> read_replicas(const wire::Assignment& assignment) {
  std::vector<ReplicaSpec> specs;
  std::size_t held_bytes = 0;
  int unusable = 0;
  for (const auto& replica : assignment.replicas()) {
    if (specs.size() == max_replicas || held_bytes > max_held_bytes) {
      log().warn("the coordinator assigned {} models: all but {} are left out", assignment.replicas_size(),
                 specs.size());
      break;
    }
    auto files = read_files(replica);
    const bool has_id = !replica.model_id().empty() && replica.model_id().size() <= max_id_bytes;
    if (files.empty() || !is_model_name(replica.model_name()) || !has_id || !has_good_placement(replica)) {
      ++unusable;
      continue;
    }
    ReplicaSpec spec;
    spec.files = std::move(files);
    spec.kv_type = kv_type_name(replica.kv_type());
    spec.key = {replica.model_id(), replica.copy()};
    spec.model_name = replica.model_name();
    spec.kind = from_wire(replica.kind());
    spec.context_tokens = std::min(replica.context_tokens(), max_context_tokens);
    spec.slots = std::clamp<std::uint32_t>(replica.slots(), 1, max_slots);
    spec.placement = read_placement(replica);
    held_bytes += to_held(spec).ByteSizeLong();
    specs.push_back(std::move(spec));
  }
  if (unusable > 0) {
    log().warn(
        "the coordinator assigned {} models without a usable name, usable files or usable devices: they are left out",
        unusable);
  }
  return specs;
}

}  // namespace gogrid::worker
