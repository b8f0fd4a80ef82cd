// One QUIC stream: a bounded send buffer, a receive buffer bounded by the flow-control window that we grant, and the
// coroutines that wait for either. Owned by its connection until the transport is done with it, and by its handle.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <boost/intrusive/list.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "net/quic/event.hpp"
#include "net/quic/quic.hpp"
#include "net/quic/send_buffer.hpp"

namespace gogrid::net::quic {

class Ngtcp2Connection;

// In the connection's queue of streams with something to send.
using SendQueueHook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class Ngtcp2Stream final : public Stream, public SendQueueHook, public std::enable_shared_from_this<Ngtcp2Stream> {
 public:
  Ngtcp2Stream(Ngtcp2Connection& connection, boost::asio::any_io_executor executor, std::int64_t id);

  // What users hold; letting the last one go ends what is unfinished.
  static std::shared_ptr<Stream> make_handle(std::shared_ptr<Ngtcp2Stream> stream);

  boost::asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> buffer) override;
  boost::asio::awaitable<Result<void>> write(std::span<const std::byte> bytes) override;
  boost::asio::awaitable<Result<void>> finish() override;
  void close() noexcept override { reset(0); }
  std::int64_t id() const override { return id_; }
  void reset(std::uint64_t code) noexcept override;
  bool lost() const override { return lost_; }

  // For the connection, while it sends.
  struct Outgoing {
    std::size_t count = 0;  // of views used
    std::size_t bytes = 0;
    bool fin = false;  // the views end the stream
  };
  Outgoing outgoing(std::span<ngtcp2_vec> views) const;
  void on_sent(std::size_t bytes, bool fin);
  bool has_outgoing() const;

  // For the connection, from ngtcp2's callbacks.
  void on_data(std::span<const std::uint8_t> data, bool fin);
  void on_acked(std::size_t bytes);
  // true: our direction must end as well.
  bool on_peer_reset(std::uint64_t code);
  // The transport has forgotten the stream.
  void on_transport_closed(std::optional<std::uint64_t> code);
  // The peer does not want to read any more.
  void on_write_refused();
  // The connection is over. What arrived completely stays readable if `keep_complete`.
  void on_connection_over(const Error& error, bool keep_complete);
  // The executor is going away: no more calls to the connection.
  void detach() { connection_ = nullptr; }

 private:
  void abandon() noexcept;
  void fail(Error error);
  void discard_received();
  std::size_t unread() const { return received_.size() - read_; }
  std::size_t take(std::span<std::byte> buffer);

  // Null once the transport has forgotten the stream.
  Ngtcp2Connection* connection_;
  boost::asio::any_io_executor executor_;
  const std::int64_t id_;
  std::optional<Error> failure_;
  std::optional<Error> write_failure_;
  bool lost_ = false;

  std::vector<std::uint8_t> received_;
  std::size_t read_ = 0;
  bool fin_received_ = false;
  Event readable_;

  SendBuffer buffer_;
  bool finish_requested_ = false;
  bool fin_sent_ = false;
  // The handle is gone, what was finished is still being sent.
  bool delivering_ = false;
  Event writable_;
};

}  // namespace gogrid::net::quic
