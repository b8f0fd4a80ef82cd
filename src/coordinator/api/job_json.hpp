// Jobs as the API shows them. Pure functions, io thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "domain/request.hpp"
#include "store/records.hpp"

namespace gogrid::coordinator {

// `waiting`: why it waits, if it does.
nlohmann::ordered_json job_json(const store::JobRecord& job, const std::optional<domain::Explanation>& waiting);
nlohmann::ordered_json history_json(const std::vector<store::AttemptRecord>& attempts);
nlohmann::ordered_json waiting_json(const domain::Explanation& waiting);

}  // namespace gogrid::coordinator
