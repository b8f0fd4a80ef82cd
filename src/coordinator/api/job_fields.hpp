// Reads what clients send about jobs: a submission's fields, a list's filters. Pure functions, io thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "coordinator/api/error_response.hpp"
#include "coordinator/jobs/job_queue.hpp"
#include "net/http.hpp"

namespace gogrid::coordinator {

// The body of POST /api/v1/jobs, and the header Idempotency-Key. The request itself is passed on byte for byte. Whose
// key it is, and whether its webhook may be called, is the caller's business.
ApiResult<JobQueue::Wanted> read_job(std::string_view body, const net::RequestHead& head, SystemTime now);

struct JobListing {
  store::JobFilter filter;
  domain::JobId before;
  std::size_t limit = 20;
  // "key": empty, "all", or an id.
  std::string key;
};
ApiResult<JobListing> read_job_listing(const net::RequestHead& head);

// "limit": from 1 to `most`.
ApiResult<std::size_t> read_limit(const net::RequestHead& head, std::size_t usual, std::size_t most);

}  // namespace gogrid::coordinator
