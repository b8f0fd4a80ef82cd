// What the coordinator's API and the worker's control socket answer, as values. Times are seconds since 1970 (UTC),
// sizes bytes. A field the server left out has its default here: older and newer servers stay readable. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gogrid::client {

using UnixSeconds = std::int64_t;

// An answer read into a value, and its own JSON text: scripts get every field the server sent, also ones newer than
// this client.
template <class T>
struct Answer {
  T value;
  std::string json;
};

struct EngineState {
  std::string phase;
  std::int64_t done_bytes = 0;
  std::int64_t total_bytes = 0;
  std::string detail;
  std::string description;
};

// What a replica takes of a device, or of the machine's memory (an empty name).
struct ReplicaMemory {
  std::string device;
  std::int64_t expected_bytes = 0;
  // Measured.
  std::optional<std::int64_t> bytes;
};

struct ReplicaState {
  std::string model_id;
  std::string model_name;
  std::string phase;
  std::int64_t done_bytes = 0;
  std::int64_t total_bytes = 0;
  std::int64_t slots = 0;
  std::int64_t slots_busy = 0;
  std::string detail;
  std::int64_t starts = 0;
  std::int64_t pid = 0;
  std::int64_t context_tokens = 0;
  std::int64_t device_layers = 0;
  std::vector<ReplicaMemory> memory;
};

// A worker as it sees itself: the status on its control socket.
// A GPU that the worker's engine can compute on.
struct LocalDevice {
  std::string name;
  std::string description;
  std::int64_t total_bytes = 0;
  std::int64_t limit_bytes = 0;
  std::int64_t foreign_bytes = 0;
  std::int64_t used_bytes = 0;
};

// One reason why a machine, or a part of it, does no work.
struct LocalPause {
  std::string code;  // "user_active"
  // "" the whole machine, "cpu", or a GPU's id.
  std::string part;
  // Parts that go on all the same.
  std::vector<std::string> except;
  // To follow "Paused: ".
  std::string text;
  std::optional<UnixSeconds> until;
};

struct LocalStatus {
  std::string version;
  std::string worker_id;
  std::string name;
  std::string coordinator;
  bool connected = false;
  std::optional<UnixSeconds> connected_since;
  std::string last_error;
  std::optional<double> rtt_ms;
  std::string availability;
  std::string reason;
  std::vector<LocalPause> pauses;
  // Whether somebody uses the machine ("active", "idle", "unknown"), and what says so.
  std::string activity;
  std::string activity_detail;
  // Why the machine is not kept awake though it should be; empty otherwise.
  std::string awake_failure;
  // Whether programs that fill the screen are seen, and where or why not; empty: a worker that does not say.
  bool full_screen_watched = false;
  std::string full_screen_detail;
  // Why it is not known whether other programs wait for the processor or for memory; empty: it is, or nobody asks.
  std::string pressure_trouble;
  std::string sandbox;
  std::string sandbox_detail;
  std::optional<EngineState> engine;
  std::vector<LocalDevice> devices;
  std::vector<ReplicaState> replicas;
  std::int64_t requests_running = 0;
  std::int64_t requests_total = 0;
  // Models and engines on its disk; a limit of 0 is none.
  std::string cache_directory;
  std::int64_t cache_used_bytes = 0;
  std::int64_t cache_max_bytes = 0;
  // Why the settings file as it is now is not what is in force; empty: it is.
  std::string config_error;
  // Settings that were changed and wait for a restart.
  std::vector<std::string> restart_needed;
  std::optional<UnixSeconds> certificate_expires_at;
};

struct GridStatus {
  std::string version;
  std::int64_t uptime_seconds = 0;
  std::int64_t workers_connected = 0;
  std::int64_t workers_total = 0;
  std::int64_t models_ready = 0;
  std::int64_t models_total = 0;
  std::int64_t requests_running = 0;
  std::int64_t requests_waiting = 0;
  // Name of the engine in use; empty: none yet.
  std::string engine;
};

// What a worker said of a GPU; the numbers are there when it was asked for live figures and knows them.
struct Gpu {
  std::string id;
  // What the engine calls it, "Vulkan0"; empty: it does not see it, or that is not known.
  std::string engine_device;
  std::string vendor;
  std::string name;
  std::string pci_id;
  std::string driver;
  std::string driver_version;
  std::int64_t total_bytes = 0;
  bool integrated = false;
  bool software = false;
  bool asleep = false;
  std::optional<std::int64_t> used_bytes;
  std::optional<std::int64_t> free_bytes;
  std::optional<double> utilisation_percent;
  std::optional<double> temperature_celsius;
  std::optional<double> power_watts;
  std::optional<std::int64_t> foreign_bytes;
  std::int64_t foreign_processes = 0;
};

struct Hardware {
  std::string cpu;
  std::int64_t cpu_threads = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t disk_bytes = 0;
  bool has_battery = false;
  std::vector<Gpu> gpus;
  std::vector<std::string> looked_at;
  // Live figures.
  std::optional<std::int64_t> memory_available_bytes;
  std::optional<double> cpu_percent;
  std::optional<std::int64_t> disk_free_bytes;
  std::optional<double> battery_percent;
  std::string battery_state;
  std::optional<bool> on_mains;
};

struct Worker {
  std::string id;
  std::string name;
  std::vector<std::pair<std::string, std::string>> labels;
  bool connected = false;
  std::string availability;
  std::string reason;
  std::string sandbox;
  std::string version;
  std::string target;
  Hardware hardware;
  std::string address;
  std::optional<double> rtt_ms;
  std::optional<UnixSeconds> enrolled_at;
  std::optional<UnixSeconds> last_seen_at;
  std::optional<UnixSeconds> certificate_expires_at;
  std::optional<UnixSeconds> revoked_at;
  std::optional<EngineState> engine;
  std::vector<ReplicaState> replicas;
};

struct ModelFile {
  // "weights", "projector", "adapter", "chat_template"
  std::string role;
  std::string sha256;
  std::int64_t size_bytes = 0;
  std::optional<double> scale;
};

// What a replica with that context took, on so many of those devices (0: on the CPU).
struct MeasuredMemory {
  std::string device;
  std::int64_t device_count = 0;
  std::int64_t device_layers = 0;
  std::int64_t context_tokens = 0;
  std::int64_t slots = 0;
  std::string kv_type;
  std::int64_t device_bytes = 0;
  std::int64_t host_bytes = 0;
  std::int64_t mapped_bytes = 0;
};

struct Model {
  std::string id;
  std::string name;
  std::string kind;
  std::int64_t size_bytes = 0;
  std::string sha256;
  std::int64_t context_tokens = 0;
  std::int64_t slots = 0;
  std::string architecture;
  std::string parameters;
  std::string quantization;
  std::optional<UnixSeconds> created_at;
  // How its workers stand, for a person.
  std::string detail;
  std::vector<MeasuredMemory> memory;
  std::int64_t replicas_ready = 0;
  std::int64_t replicas_total = 0;
  std::int64_t trained_context_tokens = 0;
  std::int64_t layers = 0;
  std::int64_t kv_bytes_per_token = 0;
  std::string kv_type;
  std::int64_t idle_timeout_seconds = 0;
  std::int64_t min_replicas = 0;
  std::int64_t max_replicas = 0;
  std::vector<std::pair<std::string, std::string>> worker_labels;
  std::string gpu_policy;
  std::vector<std::string> gpus;
  std::vector<std::string> tags;
  std::vector<std::string> aliases;
  std::vector<ModelFile> files;
};

// Another name for a model.
struct Alias {
  std::string name;
  // A model or another alias; `model` is what it stands for in the end.
  std::string target;
  std::string model;
};

// A model that the coordinator fetches from a URL.
struct ModelFetch {
  std::string id;
  std::string name;
  // "waiting", "fetching", "checking", "done", "failed"
  std::string state;
  std::int64_t done_bytes = 0;
  // Of the file that is being fetched; 0 while the server has not said it.
  std::int64_t total_bytes = 0;
  std::int64_t file = 1;
  std::int64_t files = 1;
  std::string detail;
};

// A model as a client of the inference API sees it: GET /v1/models.
struct ServedModel {
  std::string id;
  // The model that it stands for, if it is an alias.
  std::string alias_of;
  // "chat", "embedding", "rerank"; empty when the server does not say.
  std::string kind;
  std::int64_t replicas_ready = 0;
};

struct JoinToken {
  std::string id;
  // Only in the answer that created it.
  std::string token;
  std::string name;
  std::int64_t uses_left = 0;
  std::optional<UnixSeconds> created_at;
  std::optional<UnixSeconds> expires_at;
};

struct ApiKey {
  std::string id;
  // Only in the answer that created it.
  std::string key;
  std::string name;
  std::vector<std::string> scopes;
  std::optional<UnixSeconds> created_at;
  std::optional<UnixSeconds> expires_at;
  std::optional<UnixSeconds> revoked_at;
  std::optional<UnixSeconds> last_used_at;
  // The only ones it may use; empty: all.
  std::vector<std::string> models;
  // Its share of busy slots, against other keys'.
  std::optional<double> weight;
  // Limits; 0: none.
  std::int64_t requests_per_minute = 0;
  std::int64_t tokens_per_minute = 0;
  std::int64_t max_concurrent = 0;
  std::int64_t max_queued = 0;
};

struct Engine {
  std::string id;
  std::string name;
  std::int64_t size_bytes = 0;
  std::string flavour;
  std::string version;
  std::string target;
  bool current = false;
  std::optional<UnixSeconds> created_at;
};

// A model or an engine bundle of which the coordinator does not have all bytes yet.
struct PendingUpload {
  // The file's SHA-256.
  std::string id;
  std::string kind;
  std::string name;
  std::int64_t offset_bytes = 0;
  std::int64_t size_bytes = 0;
  std::optional<UnixSeconds> created_at;
};

}  // namespace gogrid::client
