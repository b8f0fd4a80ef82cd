// A worker's hardware in the API's form. Pure functions, any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "coordinator/worker_sessions.hpp"
#include "domain/hardware.hpp"

namespace gogrid::coordinator {

nlohmann::json hardware_json(const domain::Hardware& hardware);
nlohmann::json reading_json(const WorkerSessions::Reading& reading);

}  // namespace gogrid::coordinator
