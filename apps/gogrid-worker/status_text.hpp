// A worker's status as a person reads it. Pure.
#pragma once

#include <string>

#include "client/types.hpp"

namespace gogrid::worker_app {

// "2026-01-31 17:30:00", by this machine's time zone.
std::string date_text(client::UnixSeconds time);
std::string status_text(const client::LocalStatus& status);

}  // namespace gogrid::worker_app
