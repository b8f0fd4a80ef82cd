// The history of a worker's work as text for people. Pure, any thread.
#pragma once

#include <string>

#include "worker/history/history.hpp"

namespace gogrid::worker_app {

// `today`: by the local calendar. The last seven days end with it.
std::string stats_text(const worker::History& history, worker::DayNumber today);

}  // namespace gogrid::worker_app
