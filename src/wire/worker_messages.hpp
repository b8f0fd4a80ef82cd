// The coordinator's reading and writing of the worker protocol's messages: protobuf to the scheduler's types and back,
// with bounds on what a worker may say. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/assignment.hpp"
#include "domain/worker.hpp"

namespace gogrid::wire {

class Hello;
class WorkerState;

// In Hello.features: the worker brings its own engine and needs no bundle.
inline constexpr const char* feature_local_engine = "local-engine";
// And: work with a lease outlives a lost connection for a while.
inline constexpr const char* feature_keeps_leases = "keeps-leases";

// And: what its engine computes on is in WorkerState, once that engine is ready.
inline constexpr const char* feature_engine_devices = "engine-devices";
// And: it can have several replicas of a model.
inline constexpr const char* feature_replica_copies = "replica-copies";

// What a Hello names of them, and one frame of ReleaseLeases.
inline constexpr std::size_t max_leases = 4096;

// Texts are cut to what a person can read, numbers to what can be meant; text that is not UTF-8 never gets here
// (protobuf).
domain::WorkerFacts to_facts(const Hello& hello);
domain::WorkerReport to_report(const WorkerState& state);

// CoordinatorFrame{assignment} with its length.
std::string encode_assignment(std::uint64_t revision, const domain::Assignment& assignment);

// CoordinatorFrames{release_leases} with their lengths, as many as it takes. Nothing for nothing.
std::string encode_release(const std::vector<std::uint64_t>& leases);

// The bytes of a data frame (field 2, as in WorkerWorkFrame and CoordinatorWorkFrame) without a copy: a view into the
// payload. nullopt when the payload is anything else, which the full parser then judges.
std::optional<std::string_view> data_in(std::string_view payload);

// Appends a data frame with its length. At most max_data_bytes (asserted).
void append_data_frame(std::string& out, std::string_view data);

}  // namespace gogrid::wire
