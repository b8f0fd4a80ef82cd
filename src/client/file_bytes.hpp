// A file's bytes for uploads, read on a pool. On the executor's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/result.hpp"

namespace gogrid::client {

// The bytes of an open file from `offset` on, as many as there are at once; 0 at its end. Blocks.
Result<std::size_t> read_at(int fd, std::span<std::byte> buffer, std::uint64_t offset);

Error file_shrank();

// Hands out the bytes from `position` to `end`, moving `position`. The buffer stays the caller's; the read on the pool
// is always waited for.
boost::asio::awaitable<Result<std::size_t>> next_bytes(boost::asio::thread_pool& pool, int fd, std::uint64_t& position,
                                                       std::uint64_t end, std::span<std::byte> buffer,
                                                       std::function<void(std::uint64_t)> on_progress);

}  // namespace gogrid::client
