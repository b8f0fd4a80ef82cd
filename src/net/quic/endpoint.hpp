// Endpoint: UDP sockets, the connections that share them, and one timer for all of their deadlines. A server's endpoint
// has one socket and many connections; a client's has one connection, and a second socket while it migrates. It lives
// while a listener or a connection needs it, and as long as its own pending operations. Used on its executor's thread.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "net/quic/packet_keys.hpp"
#include "net/quic/udp_socket.hpp"

namespace gogrid::net::quic {

class Ngtcp2Connection;

// Every connection id that we choose has this length.
inline constexpr std::size_t connection_id_bytes = 8;

// Nanoseconds of the steady clock, as ngtcp2 wants time.
ngtcp2_tstamp now();

// A path as ngtcp2 wants it; the addresses must outlive it.
ngtcp2_path make_path(const SocketAddress& local, const SocketAddress& remote);

struct Packet {
  std::span<const std::uint8_t> bytes;
  const SocketAddress& local;
  const SocketAddress& remote;
};

// Takes the packets that belong to no connection; a listener.
class Acceptor {
 public:
  virtual ~Acceptor() = default;
  virtual void on_unknown_packet(const Packet& packet) = 0;
  virtual void on_established(Ngtcp2Connection& connection) = 0;
  // Called once for every connection that was given this acceptor.
  virtual void on_connection_over(Ngtcp2Connection& connection) = 0;
  virtual void on_endpoint_gone() = 0;
};

class Endpoint : public std::enable_shared_from_this<Endpoint> {
 public:
  explicit Endpoint(boost::asio::any_io_executor executor);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  const boost::asio::any_io_executor& executor() const { return executor_; }

  // Starts to receive on it.
  void add_socket(UdpSocket socket);
  // Closes all sockets but the one with this local address.
  void keep_only_socket(const SocketAddress& local);
  void remove_socket(const SocketAddress& local);
  std::size_t socket_count() const { return ports_.size(); }
  SocketAddress local() const;

  void set_acceptor(std::shared_ptr<Acceptor> acceptor) { acceptor_ = std::move(acceptor); }
  // The acceptor is closed: it still answers, and goes with the last connection.
  void release_acceptor();

  void add(std::shared_ptr<Ngtcp2Connection> connection);
  // Forgets the connection; its connection ids must be gone already. Without connections and listener, all is closed.
  void remove(Ngtcp2Connection& connection);

  ngtcp2_cid unused_connection_id() const;
  void add_connection_id(const ngtcp2_cid& id, Ngtcp2Connection& connection);
  void remove_connection_id(const ngtcp2_cid& id);

  PacketKeyCache& packet_keys() { return packet_keys_; }

  // UINT64_MAX: none.
  void set_deadline(Ngtcp2Connection& connection, ngtcp2_tstamp deadline);
  // flush() of the connection, once, after what runs now.
  void flush_soon(Ngtcp2Connection& connection);

  // Sends, or keeps what the socket does not take now: can_send() is then false until it is away.
  UdpSocket::Status send(std::span<const std::uint8_t> bytes, std::size_t segment_bytes, const SocketAddress& local,
                         const SocketAddress& remote);
  // false: the connection will be flushed as soon as the socket for `local` takes more.
  bool can_send(const SocketAddress& local, Ngtcp2Connection& connection);

 private:
  struct Port;
  struct IdKey {
    std::array<std::uint8_t, NGTCP2_MAX_CIDLEN> bytes{};
    std::uint8_t size = 0;
    bool operator==(const IdKey&) const = default;
  };
  struct IdHash {
    std::size_t operator()(const IdKey& key) const noexcept;
  };
  static IdKey key_of(const std::uint8_t* data, std::size_t size);

  void wait_readable(const std::shared_ptr<Port>& port);
  void wait_writable(const std::shared_ptr<Port>& port);
  void on_readable(Port& port);
  void on_writable(Port& port);
  void on_packet(const Packet& packet);
  void on_refused();
  void arm_timer();
  void on_timer();
  void flush_scheduled();
  void close_if_unused();
  Port* port_for(const SocketAddress& local);

  boost::asio::any_io_executor executor_;
  PacketKeyCache packet_keys_;
  boost::asio::steady_timer timer_;
  // When timer_ fires; it may fire early, then it is armed again.
  ngtcp2_tstamp armed_for_ = UINT64_MAX;
  // When it was last armed anew for a later time.
  ngtcp2_tstamp postponed_at_ = 0;
  std::list<std::shared_ptr<Port>> ports_;
  std::shared_ptr<Acceptor> acceptor_;
  std::unordered_map<Ngtcp2Connection*, std::shared_ptr<Ngtcp2Connection>> connections_;
  std::unordered_map<IdKey, Ngtcp2Connection*, IdHash> ids_;
  std::set<std::pair<ngtcp2_tstamp, Ngtcp2Connection*>> deadlines_;
  std::vector<std::shared_ptr<Ngtcp2Connection>> to_flush_;
  bool flush_posted_ = false;
  bool released_ = false;
};

}  // namespace gogrid::net::quic
