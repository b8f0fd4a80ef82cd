#include "coordinator/coordinator.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/log.hpp"
#include "base/task_group.hpp"
#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/inference.hpp"
#include "coordinator/api/kept_streams.hpp"
#include "coordinator/api/router.hpp"
#include "coordinator/audit.hpp"
#include "coordinator/blob_store.hpp"
#include "coordinator/data_dir.hpp"
#include "coordinator/dispatch.hpp"
#include "coordinator/enrolment.hpp"
#include "coordinator/fetches.hpp"
#include "coordinator/jobs/batches.hpp"
#include "coordinator/jobs/client_files.hpp"
#include "coordinator/jobs/job_queue.hpp"
#include "coordinator/jobs/webhooks.hpp"
#include "coordinator/keys.hpp"
#include "coordinator/metrics.hpp"
#include "coordinator/registry.hpp"
#include "coordinator/server_identity.hpp"
#include "coordinator/uploads.hpp"
#include "coordinator/usage.hpp"
#include "coordinator/worker_sessions.hpp"
#include "domain/name.hpp"
#include "store/open_store.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace {

constexpr std::size_t pool_threads = 4;
// What keys used, when they did and when workers were seen may be this old in the database.
constexpr auto flush_interval = std::chrono::seconds(5);
// With port 0 the number that TCP got may be taken for UDP.
constexpr int port_attempts = 16;
constexpr std::size_t max_authorities_bytes = 1024 * 1024;

domain::SchedulerLimits scheduler_limits(const CoordinatorConfig& config) {
  domain::SchedulerLimits limits;
  limits.max_waiting_requests = static_cast<std::size_t>(config.limits.max_waiting_requests);
  limits.max_jobs = static_cast<std::size_t>(config.jobs.max_open);
  limits.max_attempt_time = config.jobs.max_attempt_time;
  limits.min_residency = config.placement.min_residency;
  limits.growth_patience = config.placement.growth_patience;
  limits.eviction_patience = config.placement.eviction_patience;
  limits.prefix_affinity = config.placement.prefix_affinity;
  return limits;
}

BatchService::Options batch_options(const CoordinatorConfig& config, const KeyRing& keys) {
  BatchService::Options options;
  options.max_lines = config.batches.max_lines;
  // What stands around the request in a line is small.
  options.max_line_bytes = static_cast<std::size_t>(config.limits.max_body_bytes) + 64 * 1024;
  options.retention = config.jobs.retention;
  options.allowed_models = [&keys](const std::string& id) {
    const store::KeyRecord* key = keys.find(id);
    return key ? key->policy.models : std::vector<std::string>();
  };
  return options;
}

ModelFetches::Options fetch_options(const CoordinatorConfig& config) {
  ModelFetches::Options options;
  options.allowed_urls = config.models.allowed_urls;
  options.max_bytes = static_cast<std::uint64_t>(config.models.max_fetch_bytes);
  options.directory = config.server.data_dir / "fetches";
  return options;
}

WebhookSender::Options webhook_options(const CoordinatorConfig& config) {
  WebhookSender::Options options;
  options.allow_private = config.jobs.webhook_private_addresses;
  return options;
}

InferenceApi::Options inference_options(const CoordinatorConfig& config) {
  InferenceApi::Options options;
  options.max_body_bytes = static_cast<std::size_t>(config.limits.max_body_bytes);
  options.max_held_bytes = static_cast<std::size_t>(max_held_body_bytes);
  options.wait_timeout = config.limits.wait_timeout;
  options.migration.enabled = config.migration.enabled;
  options.migration.takeover_timeout = config.migration.takeover_timeout;
  options.migration.max_per_request = static_cast<unsigned>(config.migration.max_per_request);
  return options;
}

net::HttpLimits http_limits(const CoordinatorConfig& config) {
  net::HttpLimits limits;
  limits.max_connections = static_cast<std::size_t>(config.limits.max_connections);
  // Enough for a proxy in front of us.
  limits.max_connections_per_address = std::max<std::size_t>(limits.max_connections / 4, 256);
  limits.header_timeout = config.limits.header_timeout;
  limits.body_timeout = config.limits.body_timeout;
  return limits;
}

}  // namespace

// In the order of their making; what is below may use what is above.
struct Coordinator::Parts {
  Parts(asio::any_io_executor its_executor, CoordinatorConfig its_config, const Clock& its_clock,
        FileDescriptor its_lock, std::unique_ptr<store::Store> its_store, net::pki::KeyAndCertificate authority,
        std::string authority_pin, WebhookSecrets webhook_secrets);

  Pending<> load();
  Result<void> listen();
  void connect_parts();
  void mount_routes(std::string authority_pin);
  void expect_workers();
  asio::awaitable<void> cancel_jobs_of(std::string key_id);
  asio::awaitable<void> keep_measured(store::MemoryRecord record);
  void give_models();
  void give_engines();
  void apply_certificates();
  void flush_soon();
  asio::awaitable<void> flush();
  asio::awaitable<void> flush_later();
  asio::awaitable<void> renew_certificate();
  asio::awaitable<void> run();

  asio::any_io_executor executor;
  const CoordinatorConfig config;
  const Clock& clock;
  FileDescriptor lock;
  asio::thread_pool pool{pool_threads};
  std::unique_ptr<store::Store> store;
  BlobStore files;
  AuditLog audit;
  UsageMeter usage;
  KeyRing keys;
  ModelLibrary models;
  EngineRegistry engines;
  WorkerRegistry workers;
  ServerIdentity identity;
  Enrolment enrolment;
  Uploads uploads;
  ModelFetches fetches;
  Metrics metrics;
  Dispatcher dispatcher;
  JobQueue jobs;
  ClientFiles client_files;
  BatchService batches;
  WebhookSender webhooks;
  KeptStreams kept_streams;
  InferenceApi inference;
  Router router;
  std::string pin;
  std::unique_ptr<net::HttpServer> http;
  std::unique_ptr<WorkerSessions> sessions;
  TaskGroup tasks;
  // After a restart.
  std::vector<domain::WorkerId> expected;
  bool flush_pending = false;
  bool stopping = false;
};

Coordinator::Parts::Parts(asio::any_io_executor its_executor, CoordinatorConfig its_config, const Clock& its_clock,
                          FileDescriptor its_lock, std::unique_ptr<store::Store> its_store,
                          net::pki::KeyAndCertificate authority, std::string authority_pin,
                          WebhookSecrets webhook_secrets)
    : executor(std::move(its_executor)),
      config(std::move(its_config)),
      clock(its_clock),
      lock(std::move(its_lock)),
      store(std::move(its_store)),
      files(config.server.data_dir),
      audit(*store, clock),
      usage(*store, clock),
      keys(*store, clock),
      models(*store),
      engines(*store),
      workers(*store, clock),
      identity(authority, config),
      enrolment(std::move(authority),
                std::chrono::duration_cast<std::chrono::hours>(config.workers.certificate_lifetime), *store, workers,
                audit, clock, pool),
      uploads(files, *store, models, engines, audit, clock, pool),
      fetches(executor, fetch_options(config), *store, uploads, models, audit, clock, pool),
      metrics(clock.system_now()),
      dispatcher(executor, scheduler_limits(config), clock, metrics),
      jobs(executor, *store, dispatcher, models, usage, metrics, clock, JobQueue::Options{config.jobs.retention}),
      client_files(executor, FileShelf(config.server.data_dir), *store, pool, clock,
                   static_cast<std::uint64_t>(config.files.max_bytes)),
      batches(executor, *store, jobs, client_files, clock, batch_options(config, keys)),
      webhooks(executor, *store, std::move(webhook_secrets), clock, webhook_options(config)),
      kept_streams(executor),
      inference(dispatcher, models, kept_streams, usage, metrics, clock, inference_options(config)),
      router(keys, clock),
      pin(std::move(authority_pin)),
      tasks(executor) {}

Pending<> Coordinator::Parts::load() {
  if (auto prepared = files.prepare(); !prepared) co_return prepared;
  if (auto loaded = co_await keys.load(); !loaded) co_return loaded;
  if (auto loaded = co_await models.load(); !loaded) co_return loaded;
  if (auto loaded = co_await engines.load(); !loaded) co_return loaded;
  if (auto loaded = co_await workers.load(); !loaded) co_return loaded;
  if (auto loaded = co_await uploads.load(); !loaded) co_return loaded;
  std::string fetch_authorities;
  if (!config.models.ca_path.empty()) {
    auto authorities = read_file(config.models.ca_path, max_authorities_bytes);
    if (!authorities) co_return authorities.error();
    fetch_authorities = std::move(*authorities);
  }
  if (auto loaded = co_await fetches.load(std::move(fetch_authorities)); !loaded) co_return loaded;
  if (auto loaded = co_await client_files.load(); !loaded) co_return loaded;
  if (auto issued = identity.issue(clock.system_now()); !issued) co_return issued;
  if (auto loaded = identity.load_public_pair(); !loaded) co_return loaded;
  const auto measured = co_await store->list_measured_memory();
  if (!measured) co_return measured.error();
  for (const store::MemoryRecord& record : *measured)
    dispatcher.memory_known(record.key, record.memory);
  co_return Result<void>();
}

Result<void> Coordinator::Parts::listen() {
  boost::system::error_code bad_address;
  const auto address = asio::ip::make_address(config.server.bind_addr, bad_address);
  if (bad_address)
    return Error(ErrorCode::invalid_argument,
                 "server.bind_addr is \"" + config.server.bind_addr + "\": it must be an IP address");
  const auto wanted = static_cast<std::uint16_t>(config.server.port);
  for (int attempt = 1;; ++attempt) {
    auto handler = [this](net::HttpExchange& exchange) { return router.handle(exchange); };
    auto listening = net::listen_https(executor, asio::ip::tcp::endpoint(address, wanted), identity.server_tls(),
                                       http_limits(config), handler);
    if (!listening) return listening.error();
    http = std::move(*listening);

    WorkerSessions::Options options;
    options.endpoint = asio::ip::udp::endpoint(address, http->port());
    options.credentials = identity.quic_credentials();
    options.reset_secret = identity.reset_secret();
    options.transport.idle_timeout = config.workers.idle_timeout;
    options.transport.busy_timeout = std::min(config.workers.busy_timeout, config.workers.idle_timeout);
    options.https_port = http->port();
    options.admit = [this](const std::string& id) { return workers.admit(id); };
    options.renew = [this](std::string id, std::string request) {
      return enrolment.renew(std::move(id), std::move(request));
    };
    options.labels = [this](const std::string& id) {
      const auto worker = workers.find(id);
      return worker ? worker->labels : std::map<std::string, std::string>();
    };
    options.on_seen = [this](const std::string& id, const domain::WorkerFacts& facts) {
      store::WorkerStore::Sighting seen;
      seen.id = id;
      seen.version = facts.version;
      seen.target = facts.target;
      if (!facts.host_name.empty()) seen.host_name = domain::to_worker_name(facts.host_name);
      seen.named_by_owner = facts.named_by_owner;
      workers.note_seen(std::move(seen));
    };
    auto quic = WorkerSessions::listen(executor, std::move(options), dispatcher, metrics, clock);
    if (quic) {
      sessions = std::move(*quic);
      return {};
    }
    http.reset();
    if (wanted != 0 || quic.error().code != ErrorCode::conflict || attempt == port_attempts) return quic.error();
  }
}

void Coordinator::Parts::give_models() {
  std::vector<domain::Model> list;
  for (const auto& entry : models.list())
    list.push_back(entry->model);
  dispatcher.set_models(list);
}

void Coordinator::Parts::give_engines() {
  std::vector<domain::EngineBundle> list;
  for (const auto& engine : engines.list()) {
    if (engines.is_current(engine)) list.push_back(engine.bundle);
  }
  dispatcher.set_engines(list);
}

void Coordinator::Parts::connect_parts() {
  give_engines();
  give_models();
  // After a restart requests wait a moment for the workers, which find out by their keep-alive, instead of being turned
  // away.
  std::vector<domain::WorkerId> known;
  for (const auto& worker : workers.list()) {
    if (!worker->revoked_at) known.emplace_back(worker->id);
  }
  expected = std::move(known);
  expect_workers();
  models.on_change([this] { give_models(); });
  engines.on_change([this] { give_engines(); });
  workers.on_revoke([this](const std::string& id) { sessions->disconnect(id, "this worker was revoked"); });
  workers.on_labels(
      [this](const WorkerRecord& worker) { dispatcher.worker_labelled(domain::WorkerId(worker.id), worker.labels); });
  workers.on_unwritten([this] { flush_soon(); });
  keys.on_revoke([this](const std::string& id) {
    router.end_requests_of(id);
    kept_streams.end_requests_of(id);
    tasks.spawn("cancel the jobs of a revoked key", cancel_jobs_of(id));
  });
  keys.on_unwritten([this] { flush_soon(); });
  dispatcher.on_measured([this](const domain::Measured& measured) {
    tasks.spawn("measured memory", keep_measured({measured.key, measured.memory, clock.system_now()}));
  });
  for (const auto& key : keys.list())
    dispatcher.set_key(domain::KeyId(key.id), key.policy);
  keys.on_policy(
      [this](const std::string& id, const store::KeyPolicy& policy) { dispatcher.set_key(domain::KeyId(id), policy); });
  usage.on_unwritten([this] { flush_soon(); });
  jobs.on_ended([this](const JobQueue::Ended& ended) {
    if (ended.has_webhook) webhooks.wake();
  });
  router.on_access([this](const AccessRecord& record) {
    metrics.count_request(record.pattern, record.status, record.took, record.sent_bytes);
  });
  mount_routes(pin);
}

void Coordinator::Parts::expect_workers() {
  dispatcher.expect_workers(expected, config.workers.idle_timeout / 3 + std::chrono::seconds(5));
}

asio::awaitable<void> Coordinator::Parts::keep_measured(store::MemoryRecord record) {
  // It is measured again.
  const auto kept = co_await store->put_measured_memory(std::move(record));
  if (!kept) log().warn("what a model took of memory could not be stored: {}", kept.error().detail);
}

asio::awaitable<void> Coordinator::Parts::cancel_jobs_of(std::string key_id) {
  co_await batches.cancel_of(key_id);
  store::JobFilter filter;
  filter.key_id = std::move(key_id);
  const auto cancelled = co_await jobs.cancel_all(std::move(filter), "its key was revoked");
  if (!cancelled) log().error("the jobs of a revoked key could not be cancelled: {}", cancelled.error().detail);
}

void Coordinator::Parts::mount_routes(std::string authority_pin) {
  inference.mount(router);
  kept_streams.mount(router);
  mount_key_routes(router, keys, audit, clock);
  mount_token_routes(router, *store, audit, std::move(authority_pin), clock);
  mount_worker_routes(router, workers, audit, dispatcher, *sessions);
  mount_library_routes(router, models, engines, uploads, audit, dispatcher);
  mount_upload_routes(router, uploads, fetches);
  mount_alias_routes(router, models, audit, clock);
  mount_enrolment_routes(router, enrolment);
  JobSources job_sources{jobs, *store, clock, static_cast<std::size_t>(config.limits.max_body_bytes),
                         [this](const std::string& url) { return check_webhook_url(url, webhooks.allows_private()); }};
  mount_job_routes(router, std::move(job_sources));
  mount_queue_routes(router, dispatcher, keys);
  mount_file_routes(router, client_files, clock);
  mount_batch_routes(router, batches, client_files, *store);
  mount_webhook_routes(router, keys, webhooks.secrets());
  mount_usage_routes(router, usage, keys, clock);
  mount_audit_routes(router, *store);
  BlobAccess access;
  access.worker_of_ticket = [this](std::string_view ticket) { return sessions->worker_of_ticket(ticket); };
  access.may_fetch = [this](const std::string& worker_id) { return workers.admit(worker_id).has_value(); };
  access.is_served = [this](const std::string& sha256) {
    return models.uses_blob(sha256) || engines.uses_blob(sha256);
  };
  mount_blob_routes(router, files, pool, std::move(access));
  StatusSources status{
      models, engines, workers, dispatcher, metrics, clock, [this] { return !stopping; }, config.metrics.require_key};
  mount_status_routes(router, std::move(status));
}

void Coordinator::Parts::apply_certificates() {
  if (auto set = http->set_tls(identity.server_tls()); !set)
    log().error("the HTTPS certificate: {}", set.error().detail);
  if (auto set = sessions->set_credentials(identity.quic_credentials()); !set)
    log().error("the QUIC certificate: {}", set.error().detail);
}

void Coordinator::Parts::flush_soon() {
  if (flush_pending || stopping) return;
  flush_pending = true;
  tasks.spawn("flush", flush_later());
}

asio::awaitable<void> Coordinator::Parts::flush() {
  if (auto flushed = co_await keys.flush(); !flushed)
    log().warn("when keys were used could not be stored: {}", flushed.error().detail);
  if (auto flushed = co_await usage.flush(); !flushed)
    log().warn("what keys used could not be stored: {}", flushed.error().detail);
  if (auto flushed = co_await workers.flush(); !flushed)
    log().warn("when workers were seen could not be stored: {}", flushed.error().detail);
}

asio::awaitable<void> Coordinator::Parts::flush_later() {
  asio::steady_timer timer(executor, flush_interval);
  const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  flush_pending = false;
  if (!error) co_await flush();
}

asio::awaitable<void> Coordinator::Parts::renew_certificate() {
  for (;;) {
    asio::steady_timer timer(executor, ServerIdentity::renewal_interval());
    const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    if (auto issued = identity.issue(clock.system_now()); !issued) {
      log().error("the server's certificate could not be renewed: {}", issued.error().detail);
      continue;
    }
    apply_certificates();
    log().info("renewed the server's certificate");
  }
}

asio::awaitable<void> Coordinator::Parts::run() {
  tasks.spawn("renew the certificate", renew_certificate());
  TaskGroup services(executor);
  services.spawn("dispatcher", dispatcher.run());
  services.spawn("workers", sessions->run());
  services.spawn("jobs", jobs.run());
  services.spawn("files", client_files.run());
  services.spawn("webhooks", webhooks.run());
  co_await http->run();
  kept_streams.stop();
  co_await kept_streams.stopped();
  // Only now, when no request runs any more: a request needs its worker. Jobs that run are not ended: their workers
  // keep them until the coordinator is there again.
  dispatcher.stop();
  batches.stop();
  jobs.stop();
  client_files.stop();
  fetches.stop();
  webhooks.stop();
  sessions->stop();
  co_await services.wait();
  co_await fetches.stopped();
  co_await batches.drain();
  co_await jobs.drain();
  tasks.cancel();
  co_await tasks.wait();
  co_await flush();
}

Coordinator::Coordinator(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Coordinator::~Coordinator() = default;

asio::awaitable<Result<std::unique_ptr<Coordinator>>> Coordinator::start(asio::any_io_executor executor,
                                                                         CoordinatorConfig config, const Clock& clock) {
  const DataDir data_dir(config.server.data_dir);
  auto lock = data_dir.lock();
  if (!lock) co_return lock.error();
  auto authority = data_dir.load_authority();
  if (!authority) co_return authority.error();
  auto authority_info = net::pki::inspect(authority->certificate);
  if (!authority_info) co_return authority_info.error();
  auto store = store::open_store(config.store.url, data_dir.path());
  if (!store) co_return store.error();
  auto webhook_secrets = WebhookSecrets::load(data_dir.webhook_key_file());
  if (!webhook_secrets) co_return webhook_secrets.error();
  auto parts =
      std::make_unique<Parts>(executor, std::move(config), clock, std::move(*lock), std::move(*store),
                              std::move(*authority), authority_info->public_key_pin, std::move(*webhook_secrets));
  if (auto loaded = co_await parts->load(); !loaded) co_return loaded.error();
  if (auto listening = parts->listen(); !listening) co_return listening.error();
  parts->connect_parts();
  if (auto loaded = co_await parts->jobs.load(); !loaded) co_return loaded.error();
  if (auto loaded = co_await parts->batches.load(); !loaded) co_return loaded.error();
  // Their time begins now.
  parts->expect_workers();
  co_return std::unique_ptr<Coordinator>(new Coordinator(std::move(parts)));
}

asio::ip::tcp::endpoint Coordinator::endpoint() const {
  return {parts_->sessions->local_endpoint().address(), parts_->http->port()};
}

asio::awaitable<void> Coordinator::run() { return parts_->run(); }

void Coordinator::stop() {
  if (std::exchange(parts_->stopping, true)) {
    parts_->http->stop(std::chrono::milliseconds(0));
    return;
  }
  // What waits for a worker is told to come again; what runs may finish.
  parts_->dispatcher.stop();
  parts_->jobs.hold();
  parts_->http->stop(parts_->config.server.drain_timeout);
}

void Coordinator::reload_certificates() {
  if (auto loaded = parts_->identity.load_public_pair(); !loaded) {
    log().error("kept the old certificate: {}", loaded.error().detail);
    return;
  }
  parts_->apply_certificates();
  log().info("read the certificates anew");
}

}  // namespace gogrid::coordinator
