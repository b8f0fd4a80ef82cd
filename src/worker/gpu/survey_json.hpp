// A survey as JSON: how the child that looks at the hardware hands it to the worker, and what `gogrid-worker gpus
// --json` prints. Any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "worker/gpu/gpu.hpp"

namespace gogrid::worker {

nlohmann::json to_json(const Survey& survey);
// One line, valid UTF-8 whatever the drivers said.
std::string to_line(const Survey& survey);
// From a child that drivers run in: whatever it says, the survey keeps within its bounds. `protocol` when it is not a
// survey at all.
Result<Survey> read_survey(std::string_view text);

inline constexpr std::size_t max_survey_bytes = 1024 * 1024;

}  // namespace gogrid::worker
