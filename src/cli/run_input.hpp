// Makes a batch's file of what people write: OpenAI's batch lines, bare requests, prompts. Every line is checked before
// anything is sent. One owner, one thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "cli/spool.hpp"
#include "wire/openai_request.hpp"

namespace gogrid::cli {

// A line of the input that is not empty, in its order.
struct RunLine {
  std::size_t number = 0;
  std::string custom_id;
  // Why it cannot be sent; empty when it can.
  std::string problem;
};

class RunInput {
 public:
  // `model` is for lines that name none; without an `endpoint` the first line that has a URL says it.
  RunInput(std::string model, std::string endpoint);

  Result<void> open(const Environment& environment) { return spool_.open(environment); }
  // The next line, empty ones too. Only a full disk is an error: a bad line is remembered.
  Result<void> take(std::string_view line);

  const std::vector<RunLine>& lines() const { return lines_; }
  std::size_t bad_lines() const { return bad_lines_; }
  const std::string& endpoint() const;
  // The lines that can be sent, as OpenAI's batch lines.
  const SpoolFile& file() const { return spool_; }

 private:
  std::string model_;
  std::string endpoint_;
  std::size_t number_ = 0;
  std::vector<RunLine> lines_;
  std::size_t bad_lines_ = 0;
  // Where a custom_id was seen.
  std::unordered_map<std::string, std::size_t> seen_;
  SpoolFile spool_;
};

}  // namespace gogrid::cli
