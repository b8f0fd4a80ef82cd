// A survey of the hardware as text for people. Pure function, any thread.
#pragma once

#include <string>

#include "worker/gpu/gpu.hpp"

namespace gogrid::worker_app {

std::string gpus_text(const worker::Survey& survey);

}  // namespace gogrid::worker_app
