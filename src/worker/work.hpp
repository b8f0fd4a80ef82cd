// Work: one request of the coordinator's: from its stream to the replica's engine, and the engine's answer back, part
// by part as it comes. A slow reader slows the engine's connection; a reset of the stream ends it at once. With a lease
// it is only the stream's side: see leases.hpp. Event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "net/quic/quic.hpp"
#include "worker/engine_exchange.hpp"
#include "worker/leases.hpp"

namespace gogrid::worker {

// Serves one work stream to its end. Not cancelled but by the stream: close it, or its connection. `leases` outlives
// it.
boost::asio::awaitable<void> serve_work(boost::asio::any_io_executor executor,
                                        std::shared_ptr<net::quic::Stream> stream, FindEngine find_engine,
                                        Leases& leases);

}  // namespace gogrid::worker
