#include "coordinator/config.hpp"

#include <unistd.h>

#include <cstdlib>

#include "domain/fetch_rules.hpp"
#include "store/open_store.hpp"

namespace gogrid::coordinator {
namespace {

// "server.bind_addr" is GOGRID_COORDINATOR_SERVER_BIND_ADDR.
std::string variable_of(const std::string& key) {
  std::string name = "GOGRID_COORDINATOR_";
  for (const char c : key)
    name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

Error wrong(std::string what) { return Error(ErrorCode::invalid_argument, std::move(what)); }

}  // namespace

std::vector<Setting> coordinator_settings(CoordinatorConfig& config) {
  std::vector<Setting> settings;
  const auto add = [&](std::string key, std::string flag, std::string help, SettingTarget target) {
    Setting setting{key, variable_of(key), std::move(flag), std::move(help), std::move(target)};
    settings.push_back(std::move(setting));
  };
  add("server.bind_addr", "--bind-addr", "address to listen on, for HTTPS (TCP) and workers (UDP)",
      config.server.bind_addr);
  add("server.port", "--port", "port, the same for TCP and UDP; 0 lets the system choose", config.server.port);
  add("server.data_dir", "--data-dir", "where the coordinator keeps its state", config.server.data_dir);
  add("server.names", "--name", "further names and addresses for the server's certificate", config.server.names);
  add("server.drain_timeout", "--drain-timeout", "how long running requests may take to finish when it stops",
      config.server.drain_timeout);
  SettingTarget store_url(config.store.url);
  store_url.value = [&config] { return store::without_password(config.store.url); };
  add("store.url", "--store",
      "where keys, jobs and the like are kept: postgresql://user@host/database, or nothing for SQLite in the data "
      "directory",
      std::move(store_url));
  add("tls.cert_path", "--tls-cert", "certificate chain (PEM) for clients; without it the coordinator's own",
      config.tls.cert_path);
  add("tls.key_path", "--tls-key", "private key (PEM) of tls.cert_path", config.tls.key_path);
  add("log.level", "--log-level", "trace, debug, info, warning, error or off", config.log.level);
  add("log.format", "--log-format", "text or json", config.log.format);
  add("limits.max_body_bytes", "", "largest body of a request, uploads aside", config.limits.max_body_bytes);
  add("limits.max_waiting_requests", "", "requests that may wait for a worker; more are refused with 429",
      config.limits.max_waiting_requests);
  add("limits.wait_timeout", "", "how long a request may wait for a worker", config.limits.wait_timeout);
  add("limits.header_timeout", "", "how long a request's head may take to arrive", config.limits.header_timeout);
  add("limits.body_timeout", "", "how long a request's body may pause or trickle", config.limits.body_timeout);
  add("limits.max_connections", "",
      "HTTPS connections at a time; a quarter of them, but no fewer than 256, may be of one address",
      config.limits.max_connections);
  add("jobs.max_open", "", "jobs that may wait or run, over all keys; more are refused with 429", config.jobs.max_open);
  add("jobs.retention", "", "how long jobs, and the files of batches, are kept after their end", config.jobs.retention);
  add("jobs.max_attempt_time", "", "an attempt at a job that takes longer has failed", config.jobs.max_attempt_time);
  add("jobs.webhook_private_addresses", "",
      "whether webhooks may go to private addresses and over http; only where everybody who has a key is trusted",
      config.jobs.webhook_private_addresses);
  add("workers.certificate_lifetime", "",
      "lifetime of a worker's certificate; workers renew by themselves, and one that was away for longer has to join "
      "again",
      config.workers.certificate_lifetime);
  add("workers.idle_timeout", "", "a worker that is silent for this long is lost", config.workers.idle_timeout);
  add("workers.busy_timeout", "", "and so is one that runs requests, after this long", config.workers.busy_timeout);
  add("migration.enabled", "", "whether another worker goes on with a streamed answer whose worker is lost",
      config.migration.enabled);
  add("migration.takeover_timeout", "", "how long such a stream waits for that worker",
      config.migration.takeover_timeout);
  add("migration.max_per_request", "", "how often one answer may change its worker", config.migration.max_per_request);
  add("placement.min_residency", "", "a model that is used keeps its place in a worker's memory for so long at least",
      config.placement.min_residency);
  add("placement.growth_patience", "", "requests that wait for so long get another worker, where there is room",
      config.placement.growth_patience);
  add("placement.eviction_patience", "",
      "requests whose model is nowhere wait for so long before one that is in use makes room",
      config.placement.eviction_patience);
  add("placement.prefix_affinity", "",
      "whether requests go, if they can, where the beginning of their prompt was worked on before",
      config.placement.prefix_affinity);
  add("models.allowed_urls", "",
      "beginnings of URLs that models may be fetched from, such as https://models.example.com/; none: only uploads",
      config.models.allowed_urls);
  add("models.ca_path", "", "authorities (PEM) that those servers may be signed by, instead of the system's",
      config.models.ca_path);
  add("models.max_fetch_bytes", "", "largest file that is fetched", config.models.max_fetch_bytes);
  add("files.max_bytes", "", "largest file for a batch", config.files.max_bytes);
  add("batches.max_lines", "", "most lines of a batch", config.batches.max_lines);
  add("metrics.require_key", "", "whether /metrics takes an API key with the scope admin", config.metrics.require_key);
  return settings;
}

Result<void> validate(const CoordinatorConfig& config) {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  if (config.server.port > 65535)
    return wrong("server.port is " + std::to_string(config.server.port) + ": ports end at 65535");
  if (config.server.data_dir.empty()) return wrong("server.data_dir is empty");
  if (auto known = store::check_url(config.store.url); !known) return known;
  if (config.tls.cert_path.empty() != config.tls.key_path.empty()) {
    return wrong("tls.cert_path and tls.key_path belong together: set both or neither");
  }
  if (config.log.format != "text" && config.log.format != "json") return wrong("log.format is text or json");
  if (config.limits.max_body_bytes < 1024) return wrong("limits.max_body_bytes must be 1024 or more");
  if (config.limits.max_body_bytes > max_held_body_bytes) {
    return wrong("limits.max_body_bytes must be " + std::to_string(max_held_body_bytes) + " (512 MiB) or less");
  }
  for (const std::string& url : config.models.allowed_urls) {
    if (auto good = domain::check_prefix(url); !good)
      return wrong("models.allowed_urls: \"" + url + "\": " + good.error().detail);
  }
  if (config.models.max_fetch_bytes < 1) return wrong("models.max_fetch_bytes must be 1 or more");
  if (config.files.max_bytes < 1024) return wrong("files.max_bytes must be 1024 or more");
  if (config.batches.max_lines < 1 || config.batches.max_lines > max_batch_lines) {
    return wrong("batches.max_lines must be from 1 to " + std::to_string(max_batch_lines));
  }
  if (config.limits.max_connections < 1) return wrong("limits.max_connections must be 1 or more");
  if (config.jobs.max_open < 1) return wrong("jobs.max_open must be 1 or more");
  if (config.jobs.retention < std::chrono::minutes(1)) return wrong("jobs.retention must be 1m or more");
  if (config.jobs.max_attempt_time < milliseconds(1000)) return wrong("jobs.max_attempt_time must be 1s or more");
  if (config.workers.certificate_lifetime < hours(1)) return wrong("workers.certificate_lifetime must be 1h or more");
  if (config.workers.certificate_lifetime > hours(24 * 365))
    return wrong("workers.certificate_lifetime must be 365d or less");
  if (config.workers.idle_timeout < milliseconds(1000)) return wrong("workers.idle_timeout must be 1s or more");
  if (config.workers.busy_timeout < milliseconds(200)) return wrong("workers.busy_timeout must be 200ms or more");
  if (config.workers.idle_timeout > std::chrono::minutes(10)) return wrong("workers.idle_timeout must be 10m or less");
  if (config.migration.takeover_timeout.count() == 0) return wrong("migration.takeover_timeout must be over 0");
  if (config.migration.max_per_request < 1 || config.migration.max_per_request > 1'000'000)
    return wrong("migration.max_per_request must be from 1 to 1000000; migration.enabled = false turns it off");
  if (config.limits.header_timeout.count() == 0 || config.limits.body_timeout.count() == 0) {
    return wrong("limits.header_timeout and limits.body_timeout must be over 0");
  }
  return {};
}

std::filesystem::path default_data_dir() {
  if (::geteuid() == 0) return "/var/lib/gogrid-coordinator";
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home ? home : ".") / ".local/share/gogrid-coordinator";
}

}  // namespace gogrid::coordinator
