// Work: one request of the coordinator's: from its stream to the replica's engine, and the engine's answer back, part
// by part as it comes. A slow reader slows the engine's connection; a reset of the stream ends it at once. Event loop
// thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "net/byte_stream.hpp"
#include "worker/engine/replica.hpp"

namespace gogrid::worker {

// Where a request for a model goes, or why it is refused.
using FindReplica = std::function<Result<std::shared_ptr<Replica>>(const std::string& model_id)>;

// Serves one work stream to its end. Not cancelled but by the stream: close it, or its connection.
boost::asio::awaitable<void> serve_work(boost::asio::any_io_executor executor, std::shared_ptr<net::ByteStream> stream,
                                        FindReplica find_replica);

// Whether a request may be made to an engine: only what answers requests, nothing that changes or shows its insides.
bool is_engine_path(std::string_view method, std::string_view path);

}  // namespace gogrid::worker
