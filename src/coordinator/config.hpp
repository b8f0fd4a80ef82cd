// The coordinator's settings: coordinator.toml, GOGRID_COORDINATOR_*, flags. Read once at the start.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/config.hpp"

namespace gogrid::coordinator {

// Of all request bodies that wait together.
inline constexpr std::int64_t max_held_body_bytes = 512 * 1024 * 1024;
// While a batch is checked, each of its lines takes some bytes of memory.
inline constexpr std::int64_t max_batch_lines = 10'000'000;

struct CoordinatorConfig {
  struct Server {
    std::string bind_addr = "0.0.0.0";
    // TCP and UDP; 0 lets the system choose.
    std::int64_t port = 8443;
    std::filesystem::path data_dir;
    // Further names and addresses for the server's certificate.
    std::vector<std::string> names;
    std::chrono::milliseconds drain_timeout{30'000};
  } server;
  struct Store {
    // Empty: SQLite in the data directory. May hold a password.
    std::string url;
  } store;
  struct Tls {
    // A public certificate chain and its key, for clients other than workers; empty: the coordinator's own.
    std::filesystem::path cert_path;
    std::filesystem::path key_path;
  } tls;
  struct Log {
    std::string level = "info";
    std::string format = "text";
  } log;
  struct Limits {
    std::int64_t max_body_bytes = 32 * 1024 * 1024;
    std::int64_t max_waiting_requests = 1024;
    std::chrono::milliseconds wait_timeout{120'000};
    std::chrono::milliseconds header_timeout{10'000};
    std::chrono::milliseconds body_timeout{30'000};
    std::int64_t max_connections = 4096;
  } limits;
  struct Jobs {
    std::int64_t max_open = 2'000'000;
    std::chrono::milliseconds retention = std::chrono::hours(24 * 7);
    std::chrono::milliseconds max_attempt_time = std::chrono::hours(1);
    // Also http, and addresses of one's own network.
    bool webhook_private_addresses = false;
  } jobs;
  struct Workers {
    std::chrono::milliseconds certificate_lifetime = std::chrono::hours(24 * 30);
    std::chrono::milliseconds idle_timeout{10'000};
    std::chrono::milliseconds busy_timeout{3'000};
  } workers;
  struct Migration {
    bool enabled = true;
    std::chrono::milliseconds takeover_timeout{30'000};
    std::int64_t max_per_request = 32;
  } migration;
  struct Placement {
    std::chrono::milliseconds min_residency{30'000};
    std::chrono::milliseconds growth_patience{5'000};
    std::chrono::milliseconds eviction_patience{15'000};
    bool prefix_affinity = true;
  } placement;
  struct Models {
    // Prefixes of URLs that models may be fetched from.
    std::vector<std::string> allowed_urls;
    // PEM authorities to trust there; empty: the system's.
    std::filesystem::path ca_path;
    std::int64_t max_fetch_bytes = std::int64_t{2} * 1024 * 1024 * 1024 * 1024;
  } models;
  struct Metrics {
    bool require_key = false;
  } metrics;
  struct Files {
    std::int64_t max_bytes = 512 * 1024 * 1024;
  } files;
  struct Batches {
    std::int64_t max_lines = 50'000;
  } batches;
};

// Each setting, bound to its place in `config`, which must outlive what is returned.
std::vector<Setting> coordinator_settings(CoordinatorConfig& config);

// What single values cannot say: a port over 65535, half a certificate pair, …
Result<void> validate(const CoordinatorConfig& config);

// /var/lib/gogrid-coordinator for root, else ~/.local/share/gogrid-coordinator.
std::filesystem::path default_data_dir();

}  // namespace gogrid::coordinator
