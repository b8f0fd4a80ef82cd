// A worker's hardware for people. Pure functions, any thread.
#pragma once

#include <string>

#include "cli/formatter/table.hpp"
#include "client/types.hpp"

namespace gogrid::cli {

// Processor, memory, disk and power, as facts among a worker's others.
void add_hardware(Facts& facts, const client::Hardware& hardware);
// A table of its GPUs; empty when it has none.
std::string gpus_table(const client::Hardware& hardware, const View& view);

}  // namespace gogrid::cli
