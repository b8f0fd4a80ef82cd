// A worker's status as a person reads it. Pure.
#pragma once

#include <string>

#include "client/types.hpp"

namespace gogrid::worker_app {

std::string status_text(const client::LocalStatus& status);

}  // namespace gogrid::worker_app
