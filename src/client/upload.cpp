#include "client/upload.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "base/blocking.hpp"
#include "base/sha256.hpp"
#include "client/file_bytes.hpp"
#include "client/persistence.hpp"

namespace gogrid::client {
namespace asio = boost::asio;
namespace {

constexpr std::size_t hash_step_bytes = 8 * 1024 * 1024;
// The coordinator looks at a file's head before it takes the rest: a refusal should not cost a large part.
constexpr std::uint64_t first_part_bytes = 1024 * 1024;
constexpr std::uint64_t part_bytes = 64 * 1024 * 1024;
constexpr std::chrono::milliseconds longest_pause{30'000};

}  // namespace

asio::awaitable<Result<std::string>> hash_file(asio::thread_pool& pool, int fd, std::uint64_t size_bytes,
                                               std::function<void(std::uint64_t)> on_progress) {
  Sha256 hash;
  std::vector<std::byte> buffer(
      static_cast<std::size_t>(std::min<std::uint64_t>(hash_step_bytes, std::max<std::uint64_t>(size_bytes, 1))));
  std::uint64_t done = 0;
  while (done < size_bytes) {
    const std::span<std::byte> room =
        std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_bytes - done)));
    auto work = [fd, room, done, &hash]() -> Result<std::size_t> {
      auto count = read_at(fd, room, done);
      if (count) hash.update(room.first(*count));
      return count;
    };
    const auto count = co_await run_blocking(pool, std::move(work));
    if (!count) co_return count.error();
    if (*count == 0) co_return file_shrank();
    done += *count;
    if (on_progress) on_progress(done);
  }
  co_return hash.finish_hex();
}

asio::awaitable<Result<std::string>> upload_file(CoordinatorClient& client, asio::thread_pool& pool, Upload upload) {
  const std::uint64_t size = upload.request.size_bytes;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  // The first contact is not repeated: a wrong address or key should be said at once.
  auto state = co_await client.begin_upload(upload.request);
  if (!state) co_return state.error();
  std::uint64_t furthest = state->offset_bytes;
  int breaks = 0;
  while (!state->complete) {
    const std::uint64_t offset = state->offset_bytes;
    if (offset > size) co_return Error(ErrorCode::internal, "the coordinator says it has more bytes than the file");
    if (upload.on_progress) upload.on_progress(offset);
    std::uint64_t position = offset;
    const std::uint64_t end = std::min(size, offset + (offset == 0 ? first_part_bytes : part_bytes));
    PartSource source = [&](std::span<std::byte> buffer) {
      return next_bytes(pool, upload.fd, position, end, buffer, upload.on_progress);
    };
    auto next = co_await client.upload_part(state->id, offset, end - offset, std::move(source));
    if (next && next->offset_bytes > furthest) {
      furthest = next->offset_bytes;
      breaks = 0;
    }
    if (next && (next->complete || (next->offset_bytes != offset && ++breaks <= upload.max_breaks))) {
      state = std::move(next);
      continue;
    }
    const Error failure = next ? Error(ErrorCode::internal, "the coordinator takes no more of the file") : next.error();
    if (next || !may_pass(failure)) co_return failure;
    for (bool again = true; again;) {
      if (++breaks > upload.max_breaks) {
        co_return Error(failure.code, failure.detail + "; the same command goes on from here later");
      }
      const auto pause = std::min(longest_pause, upload.first_pause * (1 << std::min(breaks - 1, 10)));
      if (upload.on_retry) upload.on_retry(failure, pause);
      timer.expires_after(pause);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
      state = co_await client.begin_upload(upload.request);
      again = !state;
      if (!state && !may_pass(state.error())) co_return state.error();
    }
    if (state->offset_bytes > furthest) {
      furthest = state->offset_bytes;
      breaks = 0;
    }
  }
  if (upload.on_progress) upload.on_progress(size);
  co_return state->id;
}

}  // namespace gogrid::client
