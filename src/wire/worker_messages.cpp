#include "wire/worker_messages.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>

#include "wire/frame.hpp"
#include "wire/hardware_messages.hpp"
#include "wire/worker_protocol.pb.h"

namespace gogrid::wire {
namespace {

constexpr std::size_t max_name_bytes = 256;
constexpr std::size_t max_detail_bytes = 8 * 1024;
constexpr int max_replicas = 1024;
constexpr std::uint32_t max_slots = 4096;
constexpr int max_devices = 64;
constexpr int max_memory_uses = max_devices + 1;
// No machine has an exbibyte, and sums of such values stay far from their ends.
constexpr std::uint64_t max_memory_bytes = std::uint64_t{1} << 50;
constexpr std::uint32_t max_layers = 1 << 16;

// WorkerWorkFrame.data and CoordinatorWorkFrame.data: field 2, length-delimited.
constexpr char data_tag = 0x12;

// Cut between characters: continuation bytes of UTF-8 are 10xxxxxx.
std::string cut(const std::string& text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  std::size_t length = max_bytes;
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
    --length;
  return text.substr(0, length);
}

domain::Phase to_phase(Phase phase) {
  switch (phase) {
    case PHASE_FETCHING:
      return domain::Phase::fetching;
    case PHASE_UNPACKING:
      return domain::Phase::unpacking;
    case PHASE_LOADING:
      return domain::Phase::loading;
    case PHASE_READY:
      return domain::Phase::ready;
    case PHASE_FAILED:
      return domain::Phase::failed;
    case PHASE_LEAVING:
      return domain::Phase::leaving;
    // Also phases that only newer workers know: not ready is the safe reading.
    default:
      return domain::Phase::waiting;
  }
}

domain::Availability to_availability(Availability availability) {
  switch (availability) {
    case AVAILABILITY_AVAILABLE:
      return domain::Availability::available;
    case AVAILABILITY_PAUSED:
      return domain::Availability::paused;
    case AVAILABILITY_DRAINING:
      return domain::Availability::draining;
    default:
      return domain::Availability::refusing;
  }
}

domain::Sandbox to_sandbox(Sandbox sandbox) {
  switch (sandbox) {
    case SANDBOX_BUBBLEWRAP:
      return domain::Sandbox::bubblewrap;
    case SANDBOX_NONE_INSECURE:
      return domain::Sandbox::none_insecure;
    case SANDBOX_UNAVAILABLE:
      return domain::Sandbox::unavailable;
    default:
      return domain::Sandbox::unknown;
  }
}

ModelKind to_message(domain::ModelKind kind) {
  switch (kind) {
    case domain::ModelKind::chat:
      return MODEL_KIND_CHAT;
    case domain::ModelKind::embedding:
      return MODEL_KIND_EMBEDDING;
    case domain::ModelKind::rerank:
      return MODEL_KIND_RERANK;
  }
  return MODEL_KIND_UNSPECIFIED;
}

FileRole to_message(domain::FileRole role) {
  switch (role) {
    case domain::FileRole::weights:
      return FILE_ROLE_WEIGHTS;
    case domain::FileRole::projector:
      return FILE_ROLE_PROJECTOR;
    case domain::FileRole::adapter:
      return FILE_ROLE_ADAPTER;
    case domain::FileRole::chat_template:
      return FILE_ROLE_CHAT_TEMPLATE;
  }
  return FILE_ROLE_UNSPECIFIED;
}

KvType to_message(domain::KvType type) {
  switch (type) {
    case domain::KvType::f16:
      return KV_TYPE_F16;
    case domain::KvType::q8_0:
      return KV_TYPE_Q8_0;
    case domain::KvType::q4_0:
      return KV_TYPE_Q4_0;
  }
  return KV_TYPE_UNSPECIFIED;
}

std::uint64_t bounded(std::uint64_t bytes) { return std::min(bytes, max_memory_bytes); }

domain::Placement to_placement(const ReplicaPlacement& message) {
  domain::Placement placement;
  const int count = std::min(message.devices_size(), max_devices);
  for (int i = 0; i < count; ++i) {
    const DeviceShare& share = message.devices(i);
    placement.devices.push_back({cut(share.device(), max_name_bytes), bounded(share.expected_bytes())});
  }
  placement.device_layers = placement.devices.empty() ? 0 : std::min(message.device_layers(), max_layers);
  placement.model_layers = std::min(message.model_layers(), max_layers);
  return placement;
}

std::vector<domain::EngineDevice> to_devices(const EngineState& engine) {
  std::vector<domain::EngineDevice> devices;
  const int count = std::min(engine.devices_size(), max_devices);
  for (int i = 0; i < count; ++i) {
    const EngineDevice& device = engine.devices(i);
    devices.push_back({cut(device.name(), max_name_bytes), cut(device.description(), max_name_bytes),
                       bounded(device.total_bytes()), bounded(device.limit_bytes()), bounded(device.foreign_bytes()),
                       cut(device.gpu_id(), max_name_bytes)});
  }
  return devices;
}

std::vector<domain::MemoryUse> to_memory(const ReplicaState& replica) {
  std::vector<domain::MemoryUse> memory;
  const int count = std::min(replica.memory_size(), max_memory_uses);
  for (int i = 0; i < count; ++i) {
    const MemoryUse& use = replica.memory(i);
    const std::uint64_t bytes = bounded(use.bytes());
    memory.push_back({cut(use.device(), max_name_bytes), bytes, std::min(use.mapped_bytes(), bytes)});
  }
  return memory;
}

template <class Message>
domain::Progress to_progress(const Message& message) {
  return {to_phase(message.phase()), message.done_bytes(), message.total_bytes(),
          cut(message.detail(), max_detail_bytes)};
}

}  // namespace

domain::WorkerFacts to_facts(const Hello& hello) {
  domain::WorkerFacts facts;
  facts.version = cut(hello.version(), max_name_bytes);
  facts.host_name = cut(hello.host_name(), max_name_bytes);
  facts.named_by_owner = hello.named_by_owner();
  facts.target = cut(hello.target(), max_name_bytes);
  facts.hardware = to_hardware(hello.hardware());
  const auto& features = hello.features();
  facts.has_local_engine = std::find(features.begin(), features.end(), feature_local_engine) != features.end();
  facts.keeps_leases = std::find(features.begin(), features.end(), feature_keeps_leases) != features.end();
  facts.tells_devices = std::find(features.begin(), features.end(), feature_engine_devices) != features.end();
  facts.runs_copies = std::find(features.begin(), features.end(), feature_replica_copies) != features.end();
  facts.reads_hardware = std::find(features.begin(), features.end(), feature_hardware_readings) != features.end();
  const auto count = std::min(static_cast<std::size_t>(hello.leases_size()), max_leases);
  facts.leases.reserve(count);
  std::copy_n(hello.leases().begin(), count, std::back_inserter(facts.leases));
  // 0 is none.
  std::erase(facts.leases, std::uint64_t{0});
  const int held = std::min(hello.held_size(), max_replicas);
  for (int i = 0; i < held; ++i) {
    const ReplicaAssignment& replica = hello.held(i);
    domain::HeldReplica one;
    one.model = domain::ModelId(cut(replica.model_id(), max_name_bytes));
    one.context_tokens = replica.context_tokens();
    one.copy = replica.copy();
    if (replica.has_placement()) one.placement = to_placement(replica.placement());
    facts.held.push_back(std::move(one));
  }
  return facts;
}

domain::WorkerReport to_report(const WorkerState& state) {
  domain::WorkerReport report;
  report.revision = state.assignment_revision();
  report.availability = to_availability(state.availability());
  report.reason = cut(state.reason(), max_detail_bytes);
  report.sandbox = to_sandbox(state.sandbox());
  report.engine.progress = to_progress(state.engine());
  report.engine.description = cut(state.engine().description(), max_name_bytes);
  report.engine.devices = to_devices(state.engine());
  const int count = std::min(state.replicas_size(), max_replicas);
  report.replicas.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const ReplicaState& replica = state.replicas(i);
    report.replicas.push_back({domain::ModelId(cut(replica.model_id(), max_name_bytes)), to_progress(replica),
                               std::min(replica.slots(), max_slots), replica.starts(), to_memory(replica),
                               replica.out_of_memory(), replica.copy()});
  }
  return report;
}

std::string encode_assignment(std::uint64_t revision, const domain::Assignment& assignment) {
  CoordinatorFrame frame;
  auto& message = *frame.mutable_assignment();
  message.set_revision(revision);
  if (assignment.engine) {
    message.mutable_engine()->set_name(assignment.engine->name);
    message.mutable_engine()->mutable_blob()->set_sha256(assignment.engine->sha256);
    message.mutable_engine()->mutable_blob()->set_size_bytes(assignment.engine->size_bytes);
  }
  for (const auto& [model, placement, copy] : assignment.replicas) {
    auto& replica = *message.add_replicas();
    replica.set_copy(copy);
    if (placement) {
      auto& its_placement = *replica.mutable_placement();
      for (const auto& share : placement->devices) {
        auto& sent = *its_placement.add_devices();
        sent.set_device(share.device);
        sent.set_expected_bytes(share.expected_bytes);
      }
      its_placement.set_device_layers(placement->device_layers);
      its_placement.set_model_layers(placement->model_layers);
    }
    replica.set_model_id(model.id.text());
    replica.set_model_name(model.name);
    const auto files = domain::files_of(model);
    replica.mutable_blob()->set_sha256(files.front().sha256);
    replica.mutable_blob()->set_size_bytes(files.front().size_bytes);
    for (const auto& file : files) {
      auto& sent = *replica.add_files();
      sent.set_role(to_message(file.role));
      sent.mutable_blob()->set_sha256(file.sha256);
      sent.mutable_blob()->set_size_bytes(file.size_bytes);
      if (file.role == domain::FileRole::adapter) sent.set_scale_permille(file.scale_permille);
    }
    replica.set_kv_type(to_message(model.kv_type));
    replica.set_kind(to_message(model.kind));
    replica.set_context_tokens(model.context_tokens);
    replica.set_slots(model.slots);
  }
  return encode_frame(frame);
}

std::string encode_release(const std::vector<std::uint64_t>& leases) {
  std::string bytes;
  for (std::size_t begin = 0; begin < leases.size(); begin += max_leases) {
    const std::size_t end = std::min(leases.size(), begin + max_leases);
    CoordinatorFrame frame;
    auto& released = *frame.mutable_release_leases()->mutable_leases();
    for (std::size_t i = begin; i < end; ++i)
      released.Add(leases[i]);
    bytes += encode_frame(frame);
  }
  return bytes;
}

std::optional<std::string_view> data_in(std::string_view payload) {
  if (payload.size() < 2 || payload[0] != data_tag) return std::nullopt;
  // A base-128 varint, low bits first; a frame's length fits five of them.
  std::size_t length = 0;
  for (std::size_t at = 1; at < payload.size() && at <= 5; ++at) {
    const auto byte = static_cast<unsigned char>(payload[at]);
    length |= static_cast<std::size_t>(byte & 0x7f) << (7 * (at - 1));
    if ((byte & 0x80) != 0) continue;
    if (payload.size() - at - 1 != length) return std::nullopt;
    return payload.substr(at + 1);
  }
  return std::nullopt;
}

void append_data_frame(std::string& out, std::string_view data) {
  assert(data.size() <= max_data_bytes);
  char field[6] = {data_tag};
  std::size_t field_bytes = 1;
  std::size_t left = data.size();
  do {
    field[field_bytes++] = static_cast<char>((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>= 7;
  } while (left > 0);
  const std::size_t length = field_bytes + data.size();
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(length >> shift & 0xff);
  out.append(field, field_bytes);
  out += data;
}

}  // namespace gogrid::wire
