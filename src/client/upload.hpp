// Uploads a large file to the coordinator so that nothing but a refusal ends it: goes on where the coordinator's copy
// ends, and tries again when the connection breaks. On its executor's thread; the file is read on a pool.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "client/coordinator_client.hpp"

namespace gogrid::client {

// SHA-256 of the first `size_bytes` of an open file, in steps, so that it can be cancelled. `on_progress` gets the
// bytes done.
boost::asio::awaitable<Result<std::string>> hash_file(boost::asio::thread_pool& pool, int fd, std::uint64_t size_bytes,
                                                      std::function<void(std::uint64_t)> on_progress);

struct Upload {
  UploadRequest request;
  // Open for reading, and kept open by the caller.
  int fd = -1;
  // Bytes the connection has taken; goes back after a break.
  std::function<void(std::uint64_t)> on_progress;
  // Before a pause that follows a break.
  std::function<void(const Error&, std::chrono::milliseconds)> on_retry;
  // The first pause; each one without progress in between is twice as long, up to 30 s.
  std::chrono::milliseconds first_pause{1000};
  // Gives up after this many breaks without progress.
  int max_breaks = 8;
};

// Completes when the coordinator has the whole file, has checked it and registered it. Returns the upload's id.
boost::asio::awaitable<Result<std::string>> upload_file(CoordinatorClient& client, boost::asio::thread_pool& pool,
                                                        Upload upload);

}  // namespace gogrid::client
