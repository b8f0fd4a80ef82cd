// QUIC (RFC 9000) with mutual TLS 1.3 for coordinator and worker. The QUIC and TLS libraries stay behind this header.
// Everything here belongs to one executor thread: an endpoint's sockets, timers, connections and streams are used there
// only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/udp.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "net/byte_stream.hpp"

namespace gogrid::net::quic {

// PEM texts. `certificate_chain` starts with the leaf; `trusted_ca` is the only authority a peer may be signed by.
struct Credentials {
  std::string certificate_chain;
  std::string private_key;
  std::string trusted_ca;
};

// Who is at the other end, from its verified certificate.
struct PeerIdentity {
  std::string common_name;
  // Serial number in hexadecimal, SHA-256 of the DER certificate in hexadecimal.
  std::string serial;
  std::string fingerprint;
};

struct TransportOptions {
  std::string alpn = "gogrid/1";
  // A peer silent for this long is lost; the smaller one of both sides' counts. The connecting side sends a PING after
  // a third of it without packets: one side is enough, and its packets keep a NAT's mapping towards itself open.
  std::chrono::milliseconds idle_timeout{10'000};
  std::chrono::milliseconds handshake_timeout{10'000};
  // While streams are open that we opened, a peer silent for this long is lost: it gets a PING after a quarter of it
  // without packets. 0: idle_timeout counts then as well.
  std::chrono::milliseconds busy_timeout{0};
  // Bytes a peer may send on one stream / in all before we have read them: the bound on buffered memory.
  std::uint64_t stream_window_bytes = 256 * 1024;
  std::uint64_t connection_window_bytes = 4 * 1024 * 1024;
  // Streams the peer may have open at a time.
  std::uint64_t max_peer_streams = 1024;
};

// Connection::close() with this code is a refusal: at the peer closed(), or connect(), tells permission_denied and the
// reason.
inline constexpr std::uint64_t close_code_refused = 1;

// One bidirectional stream. close() is reset(0). A handle that is let go stops what is unfinished: what was written
// before finish() is still delivered, all else is reset(0). Data and end that arrived before the connection was lost
// can still be read. A cancelled write() may have handed over a part of its bytes.
class Stream : public ByteStream {
 public:
  virtual std::int64_t id() const = 0;
  // RESET_STREAM and STOP_SENDING with `code` (below 2^62): the peer's reads fail with `cancelled`, its writes as well.
  // Never blocks.
  virtual void reset(std::uint64_t code) noexcept = 0;
  // Its connection ended under it: neither side had reset it.
  virtual bool lost() const = 0;
};

class Connection {
 public:
  virtual ~Connection() = default;  // closes

  // unavailable while the peer allows no more streams: waiting for it would be for as long as the peer likes.
  virtual Result<std::shared_ptr<Stream>> open_stream() = 0;
  // The next stream the peer opened (it becomes visible with its first byte).
  virtual boost::asio::awaitable<Result<std::shared_ptr<Stream>>> accept_stream() = 0;
  // Completes when the connection is over, with the reason: `cancelled` (closed here or by the peer), permission_denied
  // (close_code_refused), timeout (the peer vanished), unavailable (the peer restarted), unauthenticated, protocol.
  virtual boost::asio::awaitable<Error> closed() = 0;
  // CONNECTION_CLOSE with an application code and a reason (up to 512 bytes) that the peer sees. All streams fail with
  // `cancelled`.
  virtual void close(std::uint64_t code, std::string reason) noexcept = 0;

  // False once it is over, also before closed() has told so.
  virtual bool is_open() const = 0;
  virtual const PeerIdentity& peer() const = 0;
  virtual boost::asio::ip::udp::endpoint remote_endpoint() const = 0;
  virtual std::chrono::microseconds smoothed_rtt() const = 0;
};

struct ListenOptions {
  boost::asio::ip::udp::endpoint endpoint;
  Credentials credentials;
  TransportOptions transport;
  // Asked after the certificate chain was verified and before the connection is accepted: an Error refuses it, with its
  // detail as the reason the peer sees (a revoked worker, say). Empty accepts every valid certificate.
  std::function<Result<void>(const PeerIdentity&)> authorize;
  // A secret that outlives restarts: then a client whose connection we forgot by restarting learns it with its next
  // packet (stateless reset, RFC 9000 §10.3) and not by idle_timeout. Empty: a random one.
  std::string reset_secret;
  // Handshakes under way at a time. A sixteenth of them may be of one address (IPv6: of one /64), and a quarter if it
  // has proved by a Retry to be its own. When all are taken, the oldest one of the address that has most makes room.
  std::size_t max_handshakes = 256;
};

class Listener {
 public:
  virtual ~Listener() = default;  // close()
  virtual boost::asio::awaitable<Result<std::shared_ptr<Connection>>> accept() = 0;
  // For connections from now on (certificate renewal); wrong ones are invalid_argument and change nothing.
  virtual Result<void> set_credentials(const Credentials& credentials) = 0;
  virtual boost::asio::ip::udp::endpoint local_endpoint() const = 0;
  // Refuses new connections and ends accept() with `cancelled`; existing connections live on while they are held.
  virtual void close() noexcept = 0;
};

// Binds the UDP socket; a port in use is `conflict`.
Result<std::unique_ptr<Listener>> listen(boost::asio::any_io_executor executor, ListenOptions options);

struct ConnectOptions {
  std::string host;
  std::uint16_t port = 0;
  // The name that the server's certificate must carry, also sent as SNI.
  std::string server_name;
  Credentials credentials;
  TransportOptions transport;
};

// Resolves, connects and completes the handshake: returns only when the server has accepted our certificate too. A
// refusal by the server's `authorize` is permission_denied with the server's reason; a server certificate that does not
// verify is unauthenticated. If the local address changes under the connection, it migrates (RFC 9000 §9).
boost::asio::awaitable<Result<std::shared_ptr<Connection>>> connect(boost::asio::any_io_executor executor,
                                                                    ConnectOptions options);

// Rebinds a client connection to a fresh local UDP socket, as happens when a machine changes networks. For a connection
// that connect() returned.
Result<void> rebind(Connection& connection);

}  // namespace gogrid::net::quic
