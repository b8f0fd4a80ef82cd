// The two halves of an HTTP connection, the same for server and client: input is read through one bounded buffer, which
// keeps what came early and can be watched for the peer's end while nothing is read; output makes one write of each
// head or chunk, and of a head with the first of its body. Owned by the connection, used on its executor's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/task_group.hpp"
#include "net/deadline.hpp"
#include "net/http_parser.hpp"
#include "net/socket_stream.hpp"

namespace gogrid::net {

class ConnectionInput {
 public:
  ConnectionInput(boost::asio::any_io_executor executor, SocketStream& stream);

  // What was read and not consumed.
  std::string_view bytes() const;
  void consume(std::size_t count);
  // Gives back the memory of a large buffer that is empty.
  void shrink();

  // Reads more behind bytes(); 0 is the peer's end, after which it is always 0. `timeout` when `until` passes; the
  // stream can still be written then. The caller keeps bytes() bounded.
  boost::asio::awaitable<Result<std::size_t>> fill(Deadline::TimePoint until);

  // As much of the body as there is, after waiting for some; 0 at its end. A body cut short is `protocol`.
  // Each read waits for `timeout` at most (zero: for ever).
  boost::asio::awaitable<Result<std::size_t>> read_body(MessageParser& parser, std::span<std::byte> out,
                                                        std::chrono::milliseconds timeout);

  // Calls `on_end` once, when the peer's end (or an error) arrives while nobody reads. What arrives meanwhile is kept
  // for the next reader; past a bound watching stops. `owner` keeps this alive while a read is pending.
  void watch(TaskGroup& tasks, std::shared_ptr<void> owner, std::function<void()> on_end);
  void unwatch();

 private:
  struct Watching;
  static boost::asio::awaitable<void> watch_task(std::unique_ptr<Watching> watching);

  boost::asio::awaitable<Result<std::size_t>> read_more();
  boost::asio::awaitable<Result<std::size_t>> wait_for_watcher();
  boost::asio::awaitable<Result<std::size_t>> read_directly(MessageParser& parser, std::span<std::byte> out,
                                                            std::chrono::milliseconds timeout);
  Result<std::size_t> take_body(MessageParser& parser, std::span<std::byte> out);
  void make_room();

  boost::asio::any_io_executor executor_;
  SocketStream& stream_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool filled_ = false;
  // Once set, the answer to every further read: 0 or an error.
  std::optional<Result<std::size_t>> ended_;
  Deadline deadline_;
  bool timed_out_ = false;

  bool watching_ = false;
  std::uint64_t arrivals_ = 0;
  std::function<void()> on_end_;
  // Never expires; cancelled to wake who waits for the watcher's read.
  std::optional<boost::asio::steady_timer> arrived_;
};

class ConnectionOutput {
 public:
  // A write that makes no progress for `timeout` (zero: for ever), or next to none, closes the stream.
  ConnectionOutput(boost::asio::any_io_executor executor, SocketStream& stream, std::chrono::milliseconds timeout);

  // Keeps `head` for the next write, or for flush(): it is worth no packet of its own.
  void hold(std::string head) { held_ = std::move(head); }
  boost::asio::awaitable<Result<void>> flush();
  boost::asio::awaitable<Result<void>> write(std::string_view bytes);
  // `head` and then `body`, in one write if they are small.
  boost::asio::awaitable<Result<void>> write_with_head(std::string head, std::string_view body);
  boost::asio::awaitable<Result<void>> write_chunks(std::string_view bytes);
  boost::asio::awaitable<Result<void>> write_last_chunk();

 private:
  void check_progress();

  SocketStream& stream_;
  std::chrono::milliseconds timeout_;
  std::string held_;
  std::string scratch_;
  Deadline deadline_;
  std::uint64_t progress_ = 0;
};

// The parts of a head, as text; `invalid_argument` if a name or a value could break out of its line.
Result<std::string> format_request_head(const RequestHead& head);
Result<std::string> format_response_head(const ResponseHead& head);

}  // namespace gogrid::net
