// Makes a batch of a file of JSON lines: uploads it, with progress, and creates the batch. On the executor's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "cli/context.hpp"
#include "client/coordinator_client.hpp"

namespace CLI {
class App;
}

namespace gogrid::cli {

// What `gogrid batch create` and `gogrid run` can both be told.
struct BatchOptions {
  std::string endpoint;
  std::string window = "24h";
  std::optional<std::int64_t> priority;
  std::vector<std::string> metadata;

  void add_to(CLI::App& app);
};

struct BatchFile {
  // Open for reading, and kept open by the caller.
  int fd = -1;
  std::uint64_t size_bytes = 0;
  std::string name;
};

boost::asio::awaitable<Result<client::Answer<client::Batch>>> create_batch(Context& context,
                                                                           client::CoordinatorClient& client,
                                                                           BatchFile file, BatchOptions options);

}  // namespace gogrid::cli
