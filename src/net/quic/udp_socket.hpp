// UdpSocket: a UDP socket that sends and receives trains of datagrams in one system call (GSO, GRO) and tells the local
// address a datagram came to. Never blocks. Owned by an Endpoint; used on its executor's thread.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.hpp"

namespace gogrid::net::quic {

// A socket address as the system and ngtcp2 want it.
struct SocketAddress {
  SocketAddress() = default;
  explicit SocketAddress(const boost::asio::ip::udp::endpoint& endpoint);
  SocketAddress(const sockaddr* address, socklen_t address_size);

  // An IPv4 address mapped into IPv6 is told as IPv4.
  boost::asio::ip::udp::endpoint endpoint() const;
  bool operator==(const SocketAddress& other) const;

  union {
    sockaddr base;
    sockaddr_in v4;
    sockaddr_in6 v6{};
  };
  socklen_t size = 0;
};

class UdpSocket {
 public:
  enum class Status {
    done,
    blocked,       // the socket's buffer is empty (receive) or full (send)
    refused,       // ICMP says that nothing listens at the other end
    address_gone,  // the local address or the route is no more
    failed,        // this datagram is lost, the socket is not
  };

  struct Received {
    Status status = Status::blocked;
    std::span<const std::uint8_t> bytes;
    // `bytes` are datagrams of this size one after the other; the last may be shorter.
    std::size_t segment_bytes = 0;
    SocketAddress local;
    SocketAddress remote;
  };

  // For any peer. A port in use is `conflict`.
  static Result<UdpSocket> bind(boost::asio::any_io_executor executor, const boost::asio::ip::udp::endpoint& endpoint);
  // For one peer, from the address that the system chooses.
  static Result<UdpSocket> connect(boost::asio::any_io_executor executor, const boost::asio::ip::udp::endpoint& remote);

  // `buffer` should hold 64 KiB.
  Received receive(std::span<std::uint8_t> buffer);

  // Sends `bytes` as datagrams of `segment_bytes` each (the last may be shorter), from `local` to `remote`. `sent`
  // tells how many bytes need not be sent again, whatever the status.
  Status send(std::span<const std::uint8_t> bytes, std::size_t segment_bytes, const SocketAddress& local,
              const SocketAddress& remote, std::size_t& sent);

  const SocketAddress& local() const { return local_; }
  boost::asio::ip::udp::socket& socket() { return socket_; }

 private:
  explicit UdpSocket(boost::asio::ip::udp::socket socket) : socket_(std::move(socket)) {}
  Result<void> set_options();
  Status send_once(std::span<const std::uint8_t> bytes, std::size_t segment_bytes, const SocketAddress& local,
                   const SocketAddress& remote, int& error);

  boost::asio::ip::udp::socket socket_;
  SocketAddress local_;
  bool connected_ = false;
  // Off once the kernel or the device refuses it.
  bool segmentation_ = true;
};

}  // namespace gogrid::net::quic
