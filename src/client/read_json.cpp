#include "client/read_json.hpp"

#include <algorithm>

#include "wire/bounded_json.hpp"

namespace gogrid::client {
namespace {

using nlohmann::json;

void read(const json& value, std::optional<EngineState>& out) {
  if (!value.is_object()) return;
  out.emplace();
  out->phase = text_of(member(value, "phase"));
  out->done_bytes = integer_of(member(value, "done_bytes"));
  out->total_bytes = integer_of(member(value, "total_bytes"));
  out->detail = text_of(member(value, "detail"));
  out->description = text_of(member(value, "description"));
}

void read(const json& value, ReplicaState& out) {
  out.model_id = text_of(member(value, "model_id"));
  out.model_name = text_of(member(value, "model_name"));
  out.phase = text_of(member(value, "phase"));
  out.done_bytes = integer_of(member(value, "done_bytes"));
  out.total_bytes = integer_of(member(value, "total_bytes"));
  out.slots = integer_of(member(value, "slots"));
  out.slots_busy = integer_of(member(value, "slots_busy"));
  out.detail = text_of(member(value, "detail"));
  out.starts = integer_of(member(value, "starts"));
  out.pid = integer_of(member(value, "pid"));
  out.context_tokens = integer_of(member(value, "context_tokens"));
  out.device_layers = integer_of(member(value, "device_layers"));
  const json& memory = member(value, "memory");
  for (const json& one : memory.is_array() ? memory : json::array()) {
    ReplicaMemory& use = out.memory.emplace_back();
    use.device = text_of(member(one, "device"));
    use.expected_bytes = integer_of(member(one, "expected_bytes"));
    if (member(one, "bytes").is_number()) use.bytes = integer_of(member(one, "bytes"));
  }
}

void read_gpu(const json& value, Gpu& out) {
  out.id = text_of(member(value, "id"));
  out.vendor = text_of(member(value, "vendor"));
  out.name = text_of(member(value, "name"));
  out.pci_id = text_of(member(value, "pci_id"));
  out.driver = text_of(member(value, "driver"));
  out.driver_version = text_of(member(value, "driver_version"));
  out.total_bytes = integer_of(member(value, "total_bytes"));
  out.integrated = flag_of(member(value, "integrated"));
  out.software = flag_of(member(value, "software"));
}

std::optional<std::int64_t> bytes_of(const json& value) {
  if (!value.is_number()) return std::nullopt;
  return integer_of(value);
}

void read_gpu_reading(const json& value, Gpu& out) {
  out.asleep = flag_of(member(value, "asleep"));
  out.used_bytes = bytes_of(member(value, "used_bytes"));
  out.free_bytes = bytes_of(member(value, "free_bytes"));
  out.utilisation_percent = number_of(member(value, "utilisation_percent"));
  out.temperature_celsius = number_of(member(value, "temperature_celsius"));
  out.power_watts = number_of(member(value, "power_watts"));
  out.foreign_bytes = bytes_of(member(value, "foreign_bytes"));
  out.foreign_processes = integer_of(member(value, "foreign_processes"));
}

void read_engine_devices(const json& devices, std::vector<Gpu>& out) {
  if (!devices.is_array()) return;
  for (const json& device : devices) {
    const std::string id = text_of(member(device, "gpu_id"));
    for (Gpu& gpu : out) {
      if (!id.empty() && gpu.id == id) gpu.engine_device = text_of(member(device, "name"));
    }
  }
}

void read_hardware(const json& value, const json& readings, Hardware& out) {
  out.cpu = text_of(member(value, "cpu"));
  out.cpu_threads = integer_of(member(value, "cpu_threads"));
  out.memory_bytes = integer_of(member(value, "memory_bytes"));
  out.disk_bytes = integer_of(member(value, "disk_bytes"));
  out.has_battery = flag_of(member(value, "has_battery"));
  if (const json& gpus = member(value, "gpus"); gpus.is_array()) {
    for (const json& gpu : gpus)
      read_gpu(gpu, out.gpus.emplace_back());
  }
  if (const json& sources = member(value, "looked_at"); sources.is_array()) {
    for (const json& source : sources)
      out.looked_at.push_back(text_of(source));
  }
  out.memory_available_bytes = bytes_of(member(readings, "memory_available_bytes"));
  out.cpu_percent = number_of(member(readings, "cpu_percent"));
  out.disk_free_bytes = bytes_of(member(readings, "disk_free_bytes"));
  out.battery_percent = number_of(member(member(readings, "battery"), "percent"));
  out.battery_state = text_of(member(member(readings, "battery"), "state"));
  if (const json& on_mains = member(readings, "on_mains"); on_mains.is_boolean()) out.on_mains = on_mains.get<bool>();
  const json& live = member(readings, "gpus");
  for (std::size_t i = 0; live.is_array() && i < live.size(); ++i) {
    for (Gpu& gpu : out.gpus) {
      if (gpu.id == text_of(member(live[i], "id"))) read_gpu_reading(live[i], gpu);
    }
  }
}

void read_replicas(const json& value, std::vector<ReplicaState>& out) {
  if (!value.is_array()) return;
  for (const json& element : value)
    read(element, out.emplace_back());
}

void read_texts(const json& value, std::vector<std::string>& out) {
  if (!value.is_array()) return;
  for (const json& element : value)
    out.push_back(text_of(element));
}

void read_pairs(const json& value, std::vector<std::pair<std::string, std::string>>& out) {
  if (!value.is_object()) return;
  for (const auto& [name, text] : value.items())
    out.emplace_back(name, text_of(text));
}

void read(const json& value, ModelFile& out) {
  out.role = text_of(member(value, "role"));
  out.sha256 = text_of(member(value, "sha256"));
  out.size_bytes = integer_of(member(value, "size_bytes"));
  out.scale = number_of(member(value, "scale"));
}

void read_devices(const json& value, std::vector<LocalDevice>& out) {
  if (!value.is_array()) return;
  for (const json& entry : value) {
    LocalDevice device;
    device.name = text_of(member(entry, "name"));
    device.description = text_of(member(entry, "description"));
    device.total_bytes = integer_of(member(entry, "total_bytes"));
    device.limit_bytes = integer_of(member(entry, "limit_bytes"));
    device.foreign_bytes = integer_of(member(entry, "foreign_bytes"));
    device.used_bytes = integer_of(member(entry, "used_bytes"));
    out.push_back(std::move(device));
  }
}

}  // namespace

Result<json> parse_object(std::string_view text) {
  constexpr int max_depth = 64;
  auto parsed = wire::read_bounded_json(text, max_depth);
  if (!parsed || !parsed->is_object()) return Error(ErrorCode::protocol, "the answer is not a JSON object");
  return *std::move(parsed);
}

const json& member(const json& object, const char* key) {
  static const json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  return "";
}

std::int64_t integer_of(const json& value) {
  // RFC 7493 §2.2: what every reader of JSON takes for the same number. Sums and percentages of such do not overflow.
  constexpr std::int64_t largest = (std::int64_t{1} << 53) - 1;
  if (value.is_number_unsigned()) {
    return static_cast<std::int64_t>(std::min<std::uint64_t>(value.get<std::uint64_t>(), largest));
  }
  if (value.is_number_integer()) return std::clamp<std::int64_t>(value.get<std::int64_t>(), 0, largest);
  if (!value.is_number_float()) return 0;
  return static_cast<std::int64_t>(std::clamp<double>(value.get<double>(), 0, static_cast<double>(largest)));
}

bool flag_of(const json& value) { return value.is_boolean() && value.get<bool>(); }

std::optional<double> number_of(const json& value) {
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

std::optional<UnixSeconds> time_of(const json& value) {
  if (!value.is_number()) return std::nullopt;
  return integer_of(value);
}

void read_pauses(const json& list, std::vector<LocalPause>& out) {
  if (!list.is_array()) return;
  for (const json& one : list) {
    LocalPause& pause = out.emplace_back();
    pause.code = text_of(member(one, "code"));
    pause.part = text_of(member(one, "part"));
    for (const json& part : member(one, "except"))
      pause.except.push_back(text_of(part));
    pause.text = text_of(member(one, "text"));
    pause.until = time_of(member(one, "until"));
  }
}

void read(const json& value, LocalStatus& out) {
  out.version = text_of(member(value, "version"));
  out.worker_id = text_of(member(value, "worker_id"));
  out.name = text_of(member(value, "name"));
  const json& coordinator = member(value, "coordinator");
  out.coordinator = text_of(member(coordinator, "address"));
  out.connected = flag_of(member(coordinator, "connected"));
  out.connected_since = time_of(member(coordinator, "since"));
  out.last_error = text_of(member(coordinator, "last_error"));
  out.rtt_ms = number_of(member(coordinator, "rtt_ms"));
  out.availability = text_of(member(value, "availability"));
  out.reason = text_of(member(value, "reason"));
  read_pauses(member(value, "pauses"), out.pauses);
  out.activity = text_of(member(member(value, "activity"), "state"));
  out.activity_detail = text_of(member(member(value, "activity"), "detail"));
  out.awake_failure = text_of(member(value, "awake_failure"));
  const json& full_screen = member(value, "full_screen");
  out.full_screen_watched = flag_of(member(full_screen, "watched"));
  out.full_screen_detail = text_of(member(full_screen, "detail"));
  out.pressure_trouble = text_of(member(value, "pressure_trouble"));
  out.sandbox = text_of(member(value, "sandbox"));
  out.sandbox_detail = text_of(member(value, "sandbox_detail"));
  read(member(value, "engine"), out.engine);
  read_devices(member(member(value, "engine"), "devices"), out.devices);
  read_replicas(member(value, "replicas"), out.replicas);
  const json& cache = member(value, "cache");
  out.cache_directory = text_of(member(cache, "directory"));
  out.cache_used_bytes = integer_of(member(cache, "used_bytes"));
  out.cache_max_bytes = integer_of(member(cache, "max_bytes"));
  out.config_error = text_of(member(value, "config_error"));
  for (const json& key : member(value, "restart_needed"))
    out.restart_needed.push_back(text_of(key));
  const json& requests = member(value, "requests");
  out.requests_running = integer_of(member(requests, "running"));
  out.requests_total = integer_of(member(requests, "total"));
  out.certificate_expires_at = time_of(member(value, "certificate_expires_at"));
}

void read(const json& value, GridStatus& out) {
  out.version = text_of(member(value, "version"));
  out.uptime_seconds = integer_of(member(value, "uptime_seconds"));
  const json& workers = member(value, "workers");
  out.workers_connected = integer_of(member(workers, "connected"));
  out.workers_total = integer_of(member(workers, "total"));
  const json& models = member(value, "models");
  out.models_ready = integer_of(member(models, "ready"));
  out.models_total = integer_of(member(models, "total"));
  const json& requests = member(value, "requests");
  out.requests_running = integer_of(member(requests, "running"));
  out.requests_waiting = integer_of(member(requests, "waiting"));
  out.engine = text_of(member(member(value, "engine"), "name"));
}

void read(const json& value, Worker& out) {
  out.id = text_of(member(value, "id"));
  out.name = text_of(member(value, "name"));
  read_pairs(member(value, "labels"), out.labels);
  out.connected = flag_of(member(value, "connected"));
  out.availability = text_of(member(value, "availability"));
  out.reason = text_of(member(value, "reason"));
  out.sandbox = text_of(member(value, "sandbox"));
  out.version = text_of(member(value, "version"));
  out.target = text_of(member(value, "target"));
  read_hardware(member(value, "hardware"), member(value, "readings"), out.hardware);
  out.address = text_of(member(value, "address"));
  out.rtt_ms = number_of(member(value, "rtt_ms"));
  out.enrolled_at = time_of(member(value, "enrolled_at"));
  out.last_seen_at = time_of(member(value, "last_seen_at"));
  out.certificate_expires_at = time_of(member(value, "certificate_expires_at"));
  out.revoked_at = time_of(member(value, "revoked_at"));
  read(member(value, "engine"), out.engine);
  read_engine_devices(member(member(value, "engine"), "devices"), out.hardware.gpus);
  read_replicas(member(value, "replicas"), out.replicas);
}

void read(const json& value, MeasuredMemory& out) {
  out.device = text_of(member(value, "device"));
  out.device_count = integer_of(member(value, "device_count"));
  out.device_layers = integer_of(member(value, "device_layers"));
  out.context_tokens = integer_of(member(value, "context_tokens"));
  out.slots = integer_of(member(value, "slots"));
  out.kv_type = text_of(member(value, "kv_type"));
  out.device_bytes = integer_of(member(value, "device_bytes"));
  out.host_bytes = integer_of(member(value, "host_bytes"));
  out.mapped_bytes = integer_of(member(value, "mapped_bytes"));
}

void read(const json& value, Model& out) {
  out.id = text_of(member(value, "id"));
  out.name = text_of(member(value, "name"));
  out.kind = text_of(member(value, "kind"));
  out.size_bytes = integer_of(member(value, "size_bytes"));
  out.sha256 = text_of(member(value, "sha256"));
  out.context_tokens = integer_of(member(value, "context_tokens"));
  out.slots = integer_of(member(value, "slots"));
  out.architecture = text_of(member(value, "architecture"));
  out.parameters = text_of(member(value, "parameters"));
  out.quantization = text_of(member(value, "quantization"));
  out.created_at = time_of(member(value, "created_at"));
  const json& replicas = member(value, "replicas");
  out.replicas_ready = integer_of(member(replicas, "ready"));
  out.replicas_total = integer_of(member(replicas, "total"));
  out.trained_context_tokens = integer_of(member(value, "trained_context_tokens"));
  out.layers = integer_of(member(value, "layers"));
  out.kv_bytes_per_token = integer_of(member(value, "kv_bytes_per_token"));
  out.kv_type = text_of(member(value, "kv_type"));
  out.idle_timeout_seconds = integer_of(member(value, "idle_timeout_seconds"));
  out.min_replicas = integer_of(member(value, "min_replicas"));
  out.max_replicas = integer_of(member(value, "max_replicas"));
  read_pairs(member(value, "worker_labels"), out.worker_labels);
  out.gpu_policy = text_of(member(value, "gpu_policy"));
  read_texts(member(value, "gpus"), out.gpus);
  read_texts(member(value, "tags"), out.tags);
  read_texts(member(value, "aliases"), out.aliases);
  out.detail = text_of(member(value, "detail"));
  const json& memory = member(value, "memory");
  for (const json& measured : memory.is_array() ? memory : json::array())
    read(measured, out.memory.emplace_back());
  const json& files = member(value, "files");
  for (const json& file : files.is_array() ? files : json::array())
    read(file, out.files.emplace_back());
}

void read(const json& value, Alias& out) {
  out.name = text_of(member(value, "name"));
  out.target = text_of(member(value, "target"));
  out.model = text_of(member(value, "model"));
}

void read(const json& value, ModelFetch& out) {
  out.id = text_of(member(value, "id"));
  out.name = text_of(member(value, "name"));
  out.state = text_of(member(value, "state"));
  out.done_bytes = integer_of(member(value, "offset_bytes"));
  out.total_bytes = integer_of(member(value, "size_bytes"));
  out.file = integer_of(member(value, "file"));
  out.files = integer_of(member(value, "files"));
  out.detail = text_of(member(value, "detail"));
}

void read(const json& value, ServedModel& out) {
  out.id = text_of(member(value, "id"));
  // What OpenAI's form has no place for stands in an object of our own.
  const json& own = member(value, "gogrid");
  out.alias_of = text_of(member(own, "alias_of"));
  out.kind = text_of(member(own, "kind"));
  out.replicas_ready = integer_of(member(member(own, "replicas"), "ready"));
}

void read(const json& value, JoinToken& out) {
  out.id = text_of(member(value, "id"));
  out.token = text_of(member(value, "token"));
  out.name = text_of(member(value, "name"));
  out.uses_left = integer_of(member(value, "uses_left"));
  out.created_at = time_of(member(value, "created_at"));
  out.expires_at = time_of(member(value, "expires_at"));
}

void read(const json& value, ApiKey& out) {
  out.id = text_of(member(value, "id"));
  out.key = text_of(member(value, "key"));
  out.name = text_of(member(value, "name"));
  const json& scopes = member(value, "scopes");
  for (const json& scope : scopes.is_array() ? scopes : json::array())
    out.scopes.push_back(text_of(scope));
  out.created_at = time_of(member(value, "created_at"));
  out.expires_at = time_of(member(value, "expires_at"));
  out.revoked_at = time_of(member(value, "revoked_at"));
  out.last_used_at = time_of(member(value, "last_used_at"));
  const json& models = member(value, "models");
  for (const json& model : models.is_array() ? models : json::array())
    out.models.push_back(text_of(model));
  out.weight = number_of(member(value, "weight"));
  out.requests_per_minute = integer_of(member(value, "requests_per_minute"));
  out.tokens_per_minute = integer_of(member(value, "tokens_per_minute"));
  out.max_concurrent = integer_of(member(value, "max_concurrent"));
  out.max_queued = integer_of(member(value, "max_queued"));
}

void read(const json& value, Engine& out) {
  out.id = text_of(member(value, "id"));
  out.name = text_of(member(value, "name"));
  out.size_bytes = integer_of(member(value, "size_bytes"));
  out.flavour = text_of(member(value, "flavour"));
  out.version = text_of(member(value, "version"));
  out.target = text_of(member(value, "target"));
  out.current = flag_of(member(value, "current"));
  out.created_at = time_of(member(value, "created_at"));
}

void read(const json& value, PendingUpload& out) {
  out.id = text_of(member(value, "id"));
  out.kind = text_of(member(value, "kind"));
  out.name = text_of(member(value, "name"));
  out.offset_bytes = integer_of(member(value, "offset_bytes"));
  out.size_bytes = integer_of(member(value, "size_bytes"));
  out.created_at = time_of(member(value, "created_at"));
}

ApiError read_error(std::string_view body) {
  ApiError out;
  const auto parsed = parse_object(body);
  if (!parsed) {
    constexpr std::size_t shown_characters = 200;
    // A page of HTML comes from something in between, and says nothing to a person here.
    if (body.find('<') == std::string_view::npos) out.message = body.substr(0, shown_characters);
    return out;
  }
  const json& error = member(*parsed, "error");
  out.message = error.is_string() ? text_of(error) : text_of(member(error, "message"));
  out.code = text_of(member(error, "code"));
  out.param = text_of(member(error, "param"));
  return out;
}

Error error_from_status(int status, std::string_view body) {
  ErrorCode code = ErrorCode::internal;
  switch (status) {
    case 401:
      code = ErrorCode::unauthenticated;
      break;
    case 403:
      code = ErrorCode::permission_denied;
      break;
    case 404:
      code = ErrorCode::not_found;
      break;
    case 408:
      code = ErrorCode::timeout;
      break;
    case 409:
      code = ErrorCode::conflict;
      break;
    case 413:
      code = ErrorCode::too_large;
      break;
    case 429:
      code = ErrorCode::resource_exhausted;
      break;
    case 507:
      code = ErrorCode::disk_full;
      break;
    case 502:
    case 503:
    case 504:
      code = ErrorCode::unavailable;
      break;
    default:
      if (status >= 400 && status < 500) code = ErrorCode::invalid_argument;
      if (status < 400) code = ErrorCode::protocol;
  }
  std::string message = read_error(body).message;
  if (message.empty()) message = "HTTP status " + std::to_string(status);
  return Error(code, std::move(message));
}

}  // namespace gogrid::client
