// JobQueue::Run: one lease of a job while its worker works on it, and what has come of it so far. JobQueue's own, io
// thread.
#pragma once

#include <memory>
#include <string>

#include "coordinator/jobs/job_queue.hpp"
#include "coordinator/work_stream.hpp"
#include "wire/usage.hpp"

namespace gogrid::coordinator {

// Stored in parts while it comes, so that it may be of any size.
struct RunResult {
  int status = 0;
  std::string content_type;
  std::int64_t parts = 0;
  std::uint64_t part_bytes = 0;
  // What is not stored yet.
  std::string rest;
};

struct JobQueue::Run {
  domain::JobId job;
  domain::LeaseId lease = 0;
  domain::ModelId model;
  // Which of the worker's replicas of it.
  std::uint32_t copy = 0;
  std::shared_ptr<WorkerLink> worker;
  // The worker has kept it: its answer is asked for again.
  bool resume = false;
  wire::InferenceEndpoint endpoint = wire::InferenceEndpoint::chat_completions;

  std::unique_ptr<WorkStream> stream;
  RunResult result;
  wire::StreamUsage usage;
  // Revoked, or the coordinator stops.
  bool ended = false;

  // Of a domain::Lease or domain::Resume.
  template <typename Given>
  static std::shared_ptr<Run> of(const Given& given, std::shared_ptr<WorkerLink> worker) {
    auto run = std::make_shared<Run>();
    run->job = given.job;
    run->lease = given.lease;
    run->model = given.model;
    run->copy = given.copy;
    run->endpoint = static_cast<wire::InferenceEndpoint>(given.tag);
    run->worker = std::move(worker);
    return run;
  }

  void cut_off() {
    ended = true;
    if (stream) stream->cancel();
  }
};

}  // namespace gogrid::coordinator
