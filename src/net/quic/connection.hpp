// One QUIC connection over ngtcp2. ngtcp2's state and the TLS session live as long as they are needed: the session
// until the handshake is confirmed, the state until the connection closes; for three more PTOs only its connection ids
// are kept, to answer or swallow late packets. Owned by its endpoint until then, and by its handle.
#pragma once

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <boost/intrusive/list.hpp>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "net/quic/endpoint.hpp"
#include "net/quic/event.hpp"
#include "net/quic/quic.hpp"
#include "net/quic/stream.hpp"
#include "net/quic/tls_session.hpp"

namespace gogrid::net::quic {

class Ngtcp2Connection final : public Connection, public std::enable_shared_from_this<Ngtcp2Connection> {
 public:
  // So many packets are acknowledged at once; fewer are with what is sent anyway, or after a while.
  static constexpr std::size_t packets_per_ack = 5;

  struct ServerSetup {
    const ngtcp2_pkt_hd& initial;
    const Packet& packet;
    // The first Initial's destination id if a Retry came before this one.
    std::optional<ngtcp2_cid> original_id;
    std::shared_ptr<const TlsCredentials> credentials;
    std::shared_ptr<Acceptor> acceptor;
    // Shared by the listener's connections; outlived by `acceptor`.
    const ListenOptions& options;
    const std::string& reset_secret;
  };
  static Result<std::shared_ptr<Ngtcp2Connection>> make_server(Endpoint& endpoint, const ServerSetup& setup);
  // The endpoint has a socket that is connected to `remote`.
  static Result<std::shared_ptr<Ngtcp2Connection>> make_client(Endpoint& endpoint, const SocketAddress& remote,
                                                               std::shared_ptr<const TlsCredentials> credentials,
                                                               const ConnectOptions& options);
  // For make_* only.
  explicit Ngtcp2Connection(Endpoint& endpoint);
  ~Ngtcp2Connection() override;

  // What users hold; letting the last one go closes.
  static std::shared_ptr<Connection> make_handle(std::shared_ptr<Ngtcp2Connection> connection);

  Result<std::shared_ptr<Stream>> open_stream() override;
  boost::asio::awaitable<Result<std::shared_ptr<Stream>>> accept_stream() override;
  boost::asio::awaitable<Error> closed() override;
  void close(std::uint64_t code, std::string reason) noexcept override;
  bool is_open() const override { return !reason_; }
  const PeerIdentity& peer() const override { return identity_; }
  boost::asio::ip::udp::endpoint remote_endpoint() const override;
  std::chrono::microseconds smoothed_rtt() const override;

  // Completes when the handshake is confirmed, or with why it failed. `cancelled` closes the connection.
  boost::asio::awaitable<Result<void>> wait_established();
  // To a new socket: at once, or when the new path has proved to work.
  Result<void> migrate(bool immediate);

  // New packet keys (RFC 9001 §6). ngtcp2 does it by itself every 2^23 packets; here for tests.
  Result<void> update_keys();

  // For the endpoint.
  void on_packet(const Packet& packet);
  void on_timer(ngtcp2_tstamp time);
  void on_refused();
  void on_endpoint_gone() noexcept;
  void flush();
  bool flush_scheduled = false;
  ngtcp2_tstamp deadline = UINT64_MAX;

  // For the streams.
  // `urgent` is what the peer waits for; else it goes with the next packet, or after a while.
  void want_send(Ngtcp2Stream& stream, bool urgent);
  void on_read(std::int64_t id, std::size_t bytes);
  void on_discarded(std::size_t bytes);
  void shut_stream(std::int64_t id, std::uint64_t code);
  void stop_reading(std::int64_t id, std::uint64_t code);

 private:
  enum class State { handshaking, established, closing, draining, over };
  struct Callbacks;
  static const ngtcp2_callbacks& server_table();
  static const ngtcp2_callbacks& client_table();

  Result<void> start(int code, Result<std::unique_ptr<TlsSession>> session);
  void on_handshake_progress();
  void refuse(const Error& error);
  Error read_error(int code) const;
  Error peer_close_error() const;
  void fail_with(int code);
  void send_close(const ngtcp2_ccerr& error);
  // Ends streams and waits, frees ngtcp2's state and stays in `state` for three PTOs; none if over.
  void end(State state, Error reason, Error stream_error, bool keep_complete);
  void forget();
  void after_path_change();

  ngtcp2_ssize write_packet(std::span<std::uint8_t> buffer, ngtcp2_path_storage& path, ngtcp2_tstamp time,
                            bool& window_full);
  // false: nothing more to send now.
  bool send_batch(ngtcp2_tstamp time, bool& sent);
  void end_pause();
  void send_segments(std::span<const std::uint8_t> bytes, std::size_t segment_bytes, const ngtcp2_path& path);
  void update_deadline(ngtcp2_tstamp not_before = 0);
  // Of streams that we opened.
  void begin_watch();
  void end_watch();
  // When the peer is lost if nothing comes from it; never while it is not watched.
  ngtcp2_tstamp lost_at() const;
  void flush_later();
  std::shared_ptr<Ngtcp2Stream> add_stream(std::int64_t id);
  void remove_stream(std::int64_t id, Ngtcp2Stream* stream, std::optional<std::uint64_t> code);

  // Null once the connection is over, or its executor is.
  Endpoint* endpoint_;
  boost::asio::any_io_executor executor_;
  ngtcp2_conn* conn_ = nullptr;
  TlsOwner tls_owner_{};
  std::unique_ptr<TlsSession> tls_;
  State state_ = State::handshaking;
  bool server_ = false;
  bool handshake_done_ = false;
  bool path_changed_ = false;
  bool address_gone_ = false;
  bool stateless_reset_ = false;
  // Server only.
  std::shared_ptr<Acceptor> acceptor_;
  const ListenOptions* listen_options_ = nullptr;
  const std::string* reset_secret_ = nullptr;

  PeerIdentity identity_;
  std::vector<ngtcp2_cid> ids_;
  std::unordered_map<std::int64_t, std::shared_ptr<Ngtcp2Stream>> streams_;
  boost::intrusive::list<Ngtcp2Stream, boost::intrusive::constant_time_size<false>> send_queue_;
  std::list<std::shared_ptr<Ngtcp2Stream>> incoming_;
  // Read since the last flush, and streams of the peer's that ended since it was granted new ones.
  std::uint64_t read_bytes_ = 0;
  std::size_t unanswered_packets_ = 0;
  std::uint64_t ended_streams_ = 0;
  // See TransportOptions::busy_timeout.
  ngtcp2_duration busy_timeout_ = 0;
  ngtcp2_duration keep_alive_ = UINT64_MAX;
  std::size_t own_streams_ = 0;
  // While it is watched, since then at the earliest.
  ngtcp2_tstamp heard_at_ = 0;
  // When sockets of old paths are closed.
  ngtcp2_tstamp retire_sockets_at_ = UINT64_MAX;

  std::optional<Error> reason_;
  std::optional<Error> stream_error_;
  // For the closing period.
  std::vector<std::uint8_t> close_packet_;
  std::uint64_t late_packets_ = 0;
  SocketAddress remote_;

  Event incoming_event_;
  Event established_event_;
  Event closed_event_;
};

}  // namespace gogrid::net::quic
