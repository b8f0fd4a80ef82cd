// Metrics: the coordinator's counters, in Prometheus's text form at /metrics. Owned by the Coordinator, used on the io
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "domain/scheduler.hpp"

namespace gogrid::coordinator {

class Metrics {
 public:
  explicit Metrics(SystemTime started_at);
  ~Metrics();

  // One answered request. `endpoint` is a route's pattern, never text from a client; empty for no route. Status 0: the
  // client went away before there was an answer.
  void count_request(std::string_view endpoint, int status, std::chrono::steady_clock::duration took,
                     std::uint64_t sent_bytes);
  // Requests for inference, from their body being read to the end of their answer.
  void request_began();
  void request_ended();
  // From the request's arrival to the first byte of the engine's answer.
  void observe_first_byte(std::string_view endpoint, std::chrono::steady_clock::duration took);
  // Attempts that ended with their worker and were made again.
  void count_retry();
  // Streams that other workers went on with to their end, or not.
  void count_migration(bool succeeded);
  // From the loss of a stream's worker to the next piece of the answer.
  void observe_migration(std::chrono::steady_clock::duration took);
  void count_rejection(domain::RejectCode code);
  // "submitted", or the state that one ended in.
  void count_job(std::string_view what);
  // A worker's connection that got as far as its hello.
  void count_worker_connection();
  void count_protocol_error();

  // The exposition format 0.0.4 (text/plain; version=0.0.4).
  std::string text(const domain::Scheduler::Totals& totals);

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace gogrid::coordinator
