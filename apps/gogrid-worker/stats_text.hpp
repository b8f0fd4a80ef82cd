// The history of a worker's work as text for people. Pure, any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "worker/history/calendar.hpp"

namespace gogrid::worker_app {

// `history` as history.get gives it. `today`: by the local calendar; the last seven days end with it.
std::string stats_text(const nlohmann::json& history, worker::DayNumber today);

}  // namespace gogrid::worker_app
