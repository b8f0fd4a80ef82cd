// Changes what engines may use while they run: those that do not fit any more end first, and say why. Used by the
// worker on the event loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "worker/sandbox/engine_limits.hpp"

namespace gogrid::worker {

class Replica;
class Sandbox;
struct WorkerConfig;

// What the owner allows engines on this machine.
ResourceLimits resource_limits(const WorkerConfig& config);

// Which of the engines that hold so much memory have to go, so that those that stay keep within `limit_bytes`: the
// largest, together (`shared`) or each by itself. 0: no limit.
std::vector<std::size_t> those_over(const std::vector<std::uint64_t>& held_bytes, std::uint64_t limit_bytes,
                                    bool shared);

// Completes when the limits are in force. See EngineLimits::set() for the error.
boost::asio::awaitable<Result<void>> change_limits(Sandbox& sandbox, boost::asio::thread_pool& pool,
                                                   std::vector<std::shared_ptr<Replica>> replicas,
                                                   ResourceLimits limits);

}  // namespace gogrid::worker
