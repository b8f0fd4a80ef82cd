// WorkStream: the coordinator's end of one work stream (docs/protocol.md): a request and its body out, the engine's
// answer in. Owned by the request that is forwarded, used on the io thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "net/quic/quic.hpp"
#include "wire/frame.hpp"

namespace gogrid::coordinator {

// Application codes of RESET_STREAM on work streams.
namespace stream_code {
inline constexpr std::uint64_t cancelled = 1;       // nobody wants the answer any more
inline constexpr std::uint64_t protocol_error = 2;  // what came made no sense
}  // namespace stream_code

class WorkStream {
 public:
  explicit WorkStream(std::shared_ptr<net::quic::Stream> stream) : stream_(std::move(stream)) {}

  struct Request {
    std::string id;
    std::string model_id;
    // Which of the worker's replicas of it.
    std::uint32_t copy = 0;
    std::string_view path;
    std::string_view body;
    // A job's; 0: the work ends with its stream.
    std::uint64_t lease = 0;
    // The answer that the worker keeps under the lease, from its beginning; only the lease counts.
    bool resume = false;
  };
  // Sends all of it, as fast as the worker takes it. When it fails the worker may still have said why: ask next().
  boost::asio::awaitable<Result<void>> send(Request request);

  struct Part {
    enum class Kind { response, data, end };
    Kind kind = Kind::end;
    // response
    int status = 0;
    std::string content_type;
    // data: all that has arrived, valid until the next call
    std::string_view data;
    // end: empty when the engine's answer is complete
    std::optional<Error> failure;
  };
  // The response first, then data until the end. Errors: `cancelled` (reset, connection lost), `protocol` (which
  // resets).
  boost::asio::awaitable<Result<Part>> next();
  // After the end of work with a lease, when its answer is stored: the worker may forget it. Without a lease next()
  // does it.
  boost::asio::awaitable<void> confirm();

  // Wakes next() and send(), and tells the worker to stop. Letting go of the stream before the end has come does that
  // as well: a job that its worker should go on with needs the stream until the connection is lost.
  void cancel() noexcept { stream_->reset(stream_code::cancelled); }

 private:
  Result<std::optional<std::string_view>> take_payload();
  Result<std::optional<Part>> take_part();
  Result<Part> take_data(std::string_view first);
  Result<std::optional<Part>> take_message(std::string_view payload);
  Error broken(std::string detail);

  std::shared_ptr<net::quic::Stream> stream_;
  wire::FrameReader reader_{wire::max_work_frame_bytes};
  // A payload that was looked at too early.
  std::optional<std::string_view> pending_;
  // Data of several frames, put together.
  std::string gathered_;
  bool has_lease_ = false;
  bool responded_ = false;
  bool ended_ = false;
};

}  // namespace gogrid::coordinator
