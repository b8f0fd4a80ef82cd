#include "coordinator/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <map>

#include "base/log.hpp"

namespace gogrid::coordinator {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

// What an engine may answer is not ours to bound: statuses that nobody names share a label.
std::string status_label(int status) {
  constexpr std::array known{200, 201, 202, 204, 206, 400, 401, 403, 404, 405, 408, 409,
                             413, 415, 416, 422, 429, 499, 500, 501, 502, 503, 504};
  if (status == 0) return "closed";
  for (const int candidate : known) {
    if (candidate == status) return std::to_string(status);
  }
  return std::to_string(status / 100 % 10) + "xx";
}

const prometheus::Histogram::BucketBoundaries seconds_buckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                              1,     2.5,    5,     10,   30,    60,   120, 300,  600};

double to_seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

template <class Builder>
auto& family(prometheus::Registry& registry, Builder builder, const char* name, const char* help) {
  return builder.Name(name).Help(help).Register(registry);
}

}  // namespace

struct Metrics::Families {
  struct Endpoint {
    prometheus::Histogram* seconds = nullptr;
    std::map<int, prometheus::Counter*> by_status;
  };

  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      family(registry, BuildCounter(), "gogrid_requests_total", "Requests answered, by route and status");
  prometheus::Family<prometheus::Histogram>& seconds = family(registry, BuildHistogram(), "gogrid_request_seconds",
                                                              "Time from a request's head to the end of its answer");
  prometheus::Family<prometheus::Histogram>& first_byte = family(
      registry, BuildHistogram(), "gogrid_time_to_first_byte_seconds", "Time to the first byte of an engine's answer");
  prometheus::Counter& response_bytes =
      family(registry, BuildCounter(), "gogrid_response_bytes_total", "Bytes of response bodies sent to clients")
          .Add({});
  prometheus::Gauge& in_flight = family(registry, BuildGauge(), "gogrid_requests_in_flight",
                                        "Requests for inference under way, waiting ones included")
                                     .Add({});
  prometheus::Gauge& waiting =
      family(registry, BuildGauge(), "gogrid_requests_waiting", "Requests that wait for a slot").Add({});
  prometheus::Counter& retries =
      family(registry, BuildCounter(), "gogrid_request_retries_total", "Attempts made again after a worker was lost")
          .Add({});
  prometheus::Family<prometheus::Counter>& migrations =
      family(registry, BuildCounter(), "gogrid_migrations_total",
             "Streams whose worker was lost, by whether another one went on to their end");
  prometheus::Counter& migrations_done = migrations.Add({{"result", "done"}});
  prometheus::Counter& migrations_failed = migrations.Add({{"result", "failed"}});
  prometheus::Histogram& seam_seconds =
      family(registry, BuildHistogram(), "gogrid_migration_seconds",
             "Time from the loss of a stream's worker to the next piece of its answer")
          .Add({}, seconds_buckets);
  prometheus::Family<prometheus::Counter>& rejections = family(
      registry, BuildCounter(), "gogrid_requests_rejected_total", "Requests the scheduler turned away, by reason");
  prometheus::Gauge& workers =
      family(registry, BuildGauge(), "gogrid_workers_connected", "Workers that are connected").Add({});
  prometheus::Counter& connections = family(registry, BuildCounter(), "gogrid_worker_connections_total",
                                            "Connections of workers that were taken into service")
                                         .Add({});
  prometheus::Counter& protocol_errors = family(registry, BuildCounter(), "gogrid_worker_protocol_errors_total",
                                                "Connections of workers closed for breaking the protocol")
                                             .Add({});
  prometheus::Family<prometheus::Gauge>& replicas =
      family(registry, BuildGauge(), "gogrid_replicas", "Replicas on connected workers, by phase");
  prometheus::Family<prometheus::Gauge>& slots =
      family(registry, BuildGauge(), "gogrid_slots", "Slots of ready replicas, by state");
  prometheus::Gauge& slots_free = slots.Add({{"state", "free"}});
  prometheus::Gauge& slots_busy = slots.Add({{"state", "busy"}});
  prometheus::Counter& dropped_log_lines = family(registry, BuildCounter(), "gogrid_log_lines_dropped_total",
                                                  "Lines of the log that were lost because nobody read it fast enough")
                                               .Add({});
  prometheus::Family<prometheus::Counter>& jobs = family(
      registry, BuildCounter(), "gogrid_jobs_total", "Jobs that were submitted and that ended, by what became of them");
  prometheus::Family<prometheus::Gauge>& jobs_open =
      family(registry, BuildGauge(), "gogrid_jobs", "Jobs that have not ended, by state");
  prometheus::Gauge& jobs_waiting = jobs_open.Add({{"state", "waiting"}});
  prometheus::Gauge& jobs_running = jobs_open.Add({{"state", "running"}});
  prometheus::Counter& placements =
      family(registry, BuildCounter(), "gogrid_placements_total", "Models that were given a place on a worker").Add({});
  prometheus::Counter& evictions =
      family(registry, BuildCounter(), "gogrid_evictions_total", "Models that had to make room for others").Add({});
  prometheus::Counter& stale_results =
      family(registry, BuildCounter(), "gogrid_stale_results_total",
             "Ends of attempts that came after their lease was lost, and did not count")
          .Add({});
  prometheus::Gauge& quarantined =
      family(registry, BuildGauge(), "gogrid_workers_quarantined", "Workers left out because their work failed")
          .Add({});
  prometheus::Family<prometheus::Counter>& tokens = family(
      registry, BuildCounter(), "gogrid_tokens_total", "Tokens of answered requests and jobs, as engines count them");
  prometheus::Counter& prompt_tokens = tokens.Add({{"kind", "prompt"}});
  prometheus::Counter& completion_tokens = tokens.Add({{"kind", "completion"}});
  std::map<std::string, Endpoint, std::less<>> endpoints;
  std::map<std::string, prometheus::Histogram*, std::less<>> first_bytes;
};

Metrics::Metrics(SystemTime started_at) : families_(std::make_unique<Families>()) {
  family(families_->registry, BuildGauge(), "process_start_time_seconds", "When the process started, in Unix seconds")
      .Add({})
      .Set(std::chrono::duration<double>(started_at.time_since_epoch()).count());
  family(families_->registry, BuildGauge(), "gogrid_build_info", "The version that runs")
      .Add({{"version", GOGRID_VERSION}})
      .Set(1);
  for (const auto code :
       {domain::RejectCode::model_not_found, domain::RejectCode::no_worker, domain::RejectCode::model_not_ready,
        domain::RejectCode::queue_full, domain::RejectCode::worker_lost, domain::RejectCode::rate_limited,
        domain::RejectCode::key_busy, domain::RejectCode::store_unavailable}) {
    families_->rejections.Add({{"reason", std::string(domain::to_string(code))}});
  }
  for (const char* what : {"submitted", "succeeded", "failed", "cancelled", "expired"})
    families_->jobs.Add({{"event", what}});
}

Metrics::~Metrics() = default;

void Metrics::count_request(std::string_view endpoint, int status, std::chrono::steady_clock::duration took,
                            std::uint64_t sent_bytes) {
  if (endpoint.empty()) endpoint = "none";
  auto found = families_->endpoints.find(endpoint);
  if (found == families_->endpoints.end()) {
    found = families_->endpoints.emplace(std::string(endpoint), Families::Endpoint{}).first;
    found->second.seconds = &families_->seconds.Add({{"endpoint", found->first}}, seconds_buckets);
  }
  auto& counter = found->second.by_status[status];
  if (counter == nullptr)
    counter = &families_->requests.Add({{"endpoint", found->first}, {"status", status_label(status)}});
  counter->Increment();
  found->second.seconds->Observe(to_seconds(took));
  families_->response_bytes.Increment(static_cast<double>(sent_bytes));
}

void Metrics::request_began() { families_->in_flight.Increment(); }
void Metrics::request_ended() { families_->in_flight.Decrement(); }

void Metrics::observe_first_byte(std::string_view endpoint, std::chrono::steady_clock::duration took) {
  auto found = families_->first_bytes.find(endpoint);
  if (found == families_->first_bytes.end()) {
    auto& histogram = families_->first_byte.Add({{"endpoint", std::string(endpoint)}}, seconds_buckets);
    found = families_->first_bytes.emplace(std::string(endpoint), &histogram).first;
  }
  found->second->Observe(to_seconds(took));
}

void Metrics::count_retry() { families_->retries.Increment(); }

void Metrics::count_migration(bool succeeded) {
  (succeeded ? families_->migrations_done : families_->migrations_failed).Increment();
}

void Metrics::observe_migration(std::chrono::steady_clock::duration took) {
  families_->seam_seconds.Observe(to_seconds(took));
}

void Metrics::count_rejection(domain::RejectCode code) {
  families_->rejections.Add({{"reason", std::string(domain::to_string(code))}}).Increment();
}

void Metrics::count_job(std::string_view what) { families_->jobs.Add({{"event", std::string(what)}}).Increment(); }

void Metrics::count_worker_connection() { families_->connections.Increment(); }
void Metrics::count_protocol_error() { families_->protocol_errors.Increment(); }

std::string Metrics::text(const domain::Scheduler::Totals& totals) {
  const auto advance = [](prometheus::Counter& counter, std::uint64_t value) {
    counter.Increment(static_cast<double>(value) - counter.Value());
  };
  advance(families_->dropped_log_lines, gogrid::dropped_log_lines());
  advance(families_->stale_results, totals.stale_ends);
  advance(families_->placements, totals.placements);
  advance(families_->evictions, totals.evictions);
  advance(families_->prompt_tokens, totals.prompt_tokens);
  advance(families_->completion_tokens, totals.completion_tokens);
  families_->jobs_waiting.Set(static_cast<double>(totals.jobs_waiting));
  families_->jobs_running.Set(static_cast<double>(totals.jobs_running));
  families_->quarantined.Set(static_cast<double>(totals.workers_quarantined));
  families_->waiting.Set(static_cast<double>(totals.requests_waiting));
  families_->workers.Set(static_cast<double>(totals.workers_connected));
  families_->slots_free.Set(static_cast<double>(totals.slots_free));
  families_->slots_busy.Set(static_cast<double>(totals.slots_busy));
  for (const auto& [phase, count] : totals.replicas) {
    families_->replicas.Add({{"phase", std::string(domain::to_string(phase))}}).Set(static_cast<double>(count));
  }
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace gogrid::coordinator
