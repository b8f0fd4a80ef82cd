#include "coordinator/api/body_memory.hpp"

#include <algorithm>
#include <span>

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace {
constexpr std::size_t first_step_bytes = 64 * 1024;
}

asio::awaitable<ApiResult<std::string>> read_body(net::HttpExchange& exchange, BodyMemory::Hold& hold,
                                                  std::size_t limit_bytes) {
  const Error too_large(ErrorCode::too_large,
                        "the request's body is larger than " + std::to_string(limit_bytes) + " bytes");
  const auto length = exchange.body_length();
  if (length && *length > limit_bytes) co_return ErrorResponse(too_large);
  // One byte past the limit tells a body that ends there from one that goes on.
  const std::size_t most = length ? static_cast<std::size_t>(*length) : limit_bytes + 1;
  std::string body;
  for (std::size_t used = 0;;) {
    if (used == body.size() && used < most) {
      const std::size_t room = std::min(most, std::max(first_step_bytes, used * 2));
      if (!hold.resize(room)) {
        co_return ErrorResponse(429, "the requests that wait hold all the memory there is for them; try again later",
                                "queue_full");
      }
      body.resize(room);
    }
    const auto count = co_await exchange.read_body_some(std::as_writable_bytes(std::span(body).subspan(used)));
    if (!count) co_return ErrorResponse(count.error());
    used += *count;
    if (used > limit_bytes) co_return ErrorResponse(too_large);
    if (*count > 0) continue;
    body.resize(used);
    (void)hold.resize(used);
    co_return body;
  }
}

}  // namespace gogrid::coordinator
