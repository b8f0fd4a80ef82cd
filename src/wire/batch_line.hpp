// Lines of a batch's input file (https://platform.openai.com/docs/guides/batch): {"custom_id", "method", "url",
// "body"}. What the body must be is checked as for any request. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/openai_request.hpp"

namespace gogrid::wire {

struct BatchLine {
  // Empty when the line has no good one.
  std::string custom_id;
  // Of the line that was given: a JSON object.
  std::string_view body;
  // Why it is no request.
  std::optional<RequestProblem> problem;
};

// `endpoint`: the batch's, which each line must be for, "/v1/chat/completions". Fields that are not known are ignored.
BatchLine read_batch_line(std::string_view endpoint, std::string_view line);

inline constexpr std::size_t max_custom_id_bytes = 512;

}  // namespace gogrid::wire
