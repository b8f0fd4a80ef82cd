// The administrative API (/api/v1), a file for each group of endpoints, and what workers ask for over HTTPS
// (/worker/v1). Each mount function adds its group's routes; what it is given must outlive the router. Used on the io
// thread.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "coordinator/api/router.hpp"
#include "coordinator/blob_store.hpp"
#include "coordinator/registry.hpp"

namespace gogrid::coordinator {

class AuditLog;
class BatchService;
class ClientFiles;
class Dispatcher;
class Enrolment;
class JobQueue;
class KeyRing;
class Metrics;
class ModelFetches;
class Uploads;
class UsageMeter;
class WebhookSecrets;
class WorkerSessions;

void mount_key_routes(Router& router, KeyRing& keys, AuditLog& audit, const Clock& clock);

// `authority_pin`: SHA-256 of the authority's public key, the third part of a join token.
void mount_token_routes(Router& router, store::TokenStore& tokens, AuditLog& audit, std::string authority_pin,
                        const Clock& clock);

void mount_worker_routes(Router& router, WorkerRegistry& workers, AuditLog& audit, const Dispatcher& dispatcher,
                         WorkerSessions& sessions);

void mount_library_routes(Router& router, ModelLibrary& models, EngineRegistry& engines, Uploads& uploads,
                          AuditLog& audit, const Dispatcher& dispatcher);

void mount_upload_routes(Router& router, Uploads& uploads, ModelFetches& fetches);

void mount_alias_routes(Router& router, ModelLibrary& models, AuditLog& audit, const Clock& clock);

void mount_usage_routes(Router& router, UsageMeter& usage, const KeyRing& keys, const Clock& clock);

void mount_audit_routes(Router& router, store::AuditStore& audit);

void mount_enrolment_routes(Router& router, Enrolment& enrolment);

struct JobSources {
  JobQueue& queue;
  store::JobStore& store;
  const Clock& clock;
  // Of a submission.
  std::size_t max_body_bytes = 0;
  // Whether a job may name this URL to be told of its end; the error says why not.
  std::function<Result<void>(const std::string& url)> check_webhook;
};
void mount_job_routes(Router& router, JobSources sources);

void mount_file_routes(Router& router, ClientFiles& files, const Clock& clock);

void mount_batch_routes(Router& router, BatchService& batches, ClientFiles& files, store::BatchStore& store);

void mount_webhook_routes(Router& router, const KeyRing& keys, const WebhookSecrets& secrets);

void mount_queue_routes(Router& router, const Dispatcher& dispatcher, const KeyRing& keys);

struct BlobAccess {
  // Whose ticket it is; nullopt when it opens nothing.
  std::function<std::optional<std::string>(std::string_view ticket)> worker_of_ticket;
  // Whether that worker may go on: asked again and again while it fetches.
  std::function<bool(const std::string& worker_id)> may_fetch;
  // Whether a blob belongs to a model or an engine.
  std::function<bool(const std::string& sha256)> is_served;
};
void mount_blob_routes(Router& router, BlobStore files, boost::asio::thread_pool& pool, BlobAccess access);

struct StatusSources {
  const ModelLibrary& models;
  const EngineRegistry& engines;
  const WorkerRegistry& workers;
  const Dispatcher& dispatcher;
  Metrics& metrics;
  const Clock& clock;
  // False while it drains.
  std::function<bool()> is_ready;
  bool metrics_require_key = false;
};
void mount_status_routes(Router& router, StatusSources sources);

}  // namespace gogrid::coordinator
