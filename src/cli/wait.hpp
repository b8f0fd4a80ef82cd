// Waits for jobs and batches as `gogrid job wait`, `batch wait`, `job submit --wait` and `run` do: shows how they
// stand, goes on after broken connections, and may be stopped. On the context's executor's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "cli/context.hpp"
#include "cli/stoppable.hpp"
#include "client/coordinator_client.hpp"

namespace gogrid::cli {

using WaitLimit = std::optional<std::chrono::seconds>;

// "10m", or nullopt of an empty text. The error names --timeout.
Result<WaitLimit> parse_limit(Context& context, const std::string& text);

// The job in its final state. `remark` stands before the line that shows it: "2 of 5".
boost::asio::awaitable<Result<client::Answer<client::Job>>> wait_for_job(Context& context,
                                                                         client::CoordinatorClient& client,
                                                                         std::string id, std::string remark);

// The batch in its final state, however it got there.
boost::asio::awaitable<Result<client::Answer<client::Batch>>> wait_for_batch(Context& context,
                                                                             client::CoordinatorClient& client,
                                                                             std::string id);

// What became of a wait: its value; or an error, for a limit that passed with the exit code for it, for Ctrl-C
// `cancelled`. `what` is what goes on without us.
template <class T>
Result<T> outcome_of(Context& context, Stoppable<T> stopped, const std::string& what) {
  if (stopped.outcome) return std::move(*stopped.outcome);
  if (stopped.interrupted) return Error(ErrorCode::cancelled, "interrupted");
  return context.fails_with(ExitCode::timed_out, "the time is up; " + what + " goes on");
}

// Success for a batch of which every line succeeded, otherwise what did not, with the exit code for it.
Result<void> batch_verdict(Context& context, const client::Batch& batch);

}  // namespace gogrid::cli
