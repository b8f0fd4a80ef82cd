// One question to the worker that runs here, over its control socket. Blocks until it is answered.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "commands.hpp"

namespace gogrid::worker_app {

// Nothing when no worker runs here.
std::optional<Result<nlohmann::json>> ask_worker(const GlobalOptions& global, std::string method,
                                                 const nlohmann::json& params);

}  // namespace gogrid::worker_app
