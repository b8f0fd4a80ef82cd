// What the coordinator assigns, read from its message. Values that no engine can be given are brought into bounds; a
// model that cannot be served is left out. What is left can be told in one Hello. Pure.
#pragma once

#include <vector>

#include "wire/worker_protocol.pb.h"
#include "worker/engine/engine_command.hpp"

namespace gogrid::worker {

std::vector<ReplicaSpec> read_replicas(const wire::Assignment& assignment);

// As Hello.held tells the next coordinator, or the same one, of it.
wire::ReplicaAssignment to_held(const ReplicaSpec& spec);

}  // namespace gogrid::worker
