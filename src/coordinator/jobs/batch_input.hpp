// Reading a batch's input file portion by portion, so that no more than a portion of it is ever in memory. Blocking,
// any thread: called on the file pool.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "wire/batch_line.hpp"

namespace gogrid::coordinator {

// Behind so many lines and bytes of the file.
struct InputPosition {
  std::int64_t lines = 0;
  std::uint64_t bytes = 0;

  friend bool operator==(const InputPosition&, const InputPosition&) = default;
};

struct InputLine {
  // From 1.
  std::int64_t number = 0;
  // Empty when it has no good one.
  std::string custom_id = {};
  // The request's; empty when there is a problem, or bodies are not wanted.
  std::string body = {};
  std::optional<wire::RequestProblem> problem = {};
};

struct PortionLimits {
  std::size_t lines = 256;
  // The portion ends with the line that passes it.
  std::size_t bytes = 1024 * 1024;
  // A longer line is a problem.
  std::size_t line_bytes = 32 * 1024 * 1024;
  bool keep_bodies = true;
};

struct InputPortion {
  // Without the empty ones.
  std::vector<InputLine> lines;
  InputPosition end;
  bool at_end = false;
  // The first line that is not UTF-8; the portion ends before it.
  std::optional<std::int64_t> not_utf8 = {};
};

// not_found also for a file that is shorter than `from`.
Result<InputPortion> read_portion(const std::filesystem::path& file, std::string_view endpoint, InputPosition from,
                                  PortionLimits limits);

// The same on the pool, for the io thread.
boost::asio::awaitable<Result<InputPortion>> read_portion_on(boost::asio::thread_pool& pool, std::filesystem::path file,
                                                             std::string endpoint, InputPosition from,
                                                             PortionLimits limits);

}  // namespace gogrid::coordinator
