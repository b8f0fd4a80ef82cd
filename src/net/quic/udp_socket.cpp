#include "net/quic/udp_socket.hpp"

#include <netinet/udp.h>

#include <array>
#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "net/listen_error.hpp"

namespace gogrid::net::quic {
namespace {

namespace asio = boost::asio;

// Room for bursts of a few thousand packets; the kernel may grant less.
constexpr int socket_buffer_bytes = 4 * 1024 * 1024;

UdpSocket::Status status_of(int error) {
  switch (error) {
    case EAGAIN:
      return UdpSocket::Status::blocked;
    case ECONNREFUSED:
      return UdpSocket::Status::refused;
    case EADDRNOTAVAIL:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTUNREACH:
    case ENODEV:
    case EINVAL:
      return UdpSocket::Status::address_gone;
    default:
      return UdpSocket::Status::failed;
  }
}

void set(int descriptor, int level, int name, int value) {
  ::setsockopt(descriptor, level, name, &value, sizeof value);
}

template <class T>
void add_control(msghdr& message, int level, int type, const T& value) {
  auto* const header = reinterpret_cast<cmsghdr*>(static_cast<char*>(message.msg_control) + message.msg_controllen);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof(T));
  std::memcpy(CMSG_DATA(header), &value, sizeof(T));
  message.msg_controllen += CMSG_SPACE(sizeof(T));
}

}  // namespace

SocketAddress::SocketAddress(const asio::ip::udp::endpoint& endpoint)
    : SocketAddress(endpoint.data(), static_cast<socklen_t>(endpoint.size())) {}

SocketAddress::SocketAddress(const sockaddr* address, socklen_t address_size) {
  size = std::min<socklen_t>(address_size, sizeof v6);
  std::memcpy(&v6, address, size);
}

asio::ip::udp::endpoint SocketAddress::endpoint() const {
  asio::ip::udp::endpoint result;
  if (size == 0) return result;
  std::memcpy(result.data(), &v6, size);
  result.resize(size);
  if (result.address().is_v6() && result.address().to_v6().is_v4_mapped()) {
    result.address(asio::ip::make_address_v4(asio::ip::v4_mapped, result.address().to_v6()));
  }
  return result;
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  if (base.sa_family != other.base.sa_family) return false;
  if (base.sa_family == AF_INET) {
    return v4.sin_port == other.v4.sin_port && v4.sin_addr.s_addr == other.v4.sin_addr.s_addr;
  }
  return v6.sin6_port == other.v6.sin6_port && std::memcmp(&v6.sin6_addr, &other.v6.sin6_addr, sizeof(in6_addr)) == 0;
}

Result<void> UdpSocket::set_options() {
  boost::system::error_code error;
  socket_.non_blocking(true, error);
  if (error) return system_error("UDP socket", error.value());
  const int descriptor = socket_.native_handle();
  const asio::ip::udp::endpoint local = socket_.local_endpoint(error);
  if (error) return system_error("UDP socket", error.value());
  local_ = SocketAddress(local);
  // All of these are improvements: without them the connection still works.
  set(descriptor, SOL_SOCKET, SO_RCVBUF, socket_buffer_bytes);
  set(descriptor, SOL_SOCKET, SO_SNDBUF, socket_buffer_bytes);
  set(descriptor, IPPROTO_UDP, UDP_GRO, 1);
  // "Don't fragment" and no limit from the kernel's idea of the path: ngtcp2 probes the path's MTU itself.
  if (local.address().is_v4()) {
    set(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    set(descriptor, IPPROTO_IP, IP_PKTINFO, 1);
  } else {
    set(descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    set(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  }
  return {};
}

Result<UdpSocket> UdpSocket::bind(asio::any_io_executor executor, const asio::ip::udp::endpoint& endpoint) {
  UdpSocket result{asio::ip::udp::socket(executor)};
  boost::system::error_code error;
  result.socket_.open(endpoint.protocol(), error);
  if (!error && endpoint.address().is_v6()) {
    result.socket_.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), error);
  }
  if (!error) result.socket_.bind(endpoint, error);
  if (error) {
    std::ostringstream where;
    where << "UDP " << endpoint;
    return listen_error(where.str(), error.value());
  }
  if (Result<void> options = result.set_options(); !options) return options.error();
  return result;
}

Result<UdpSocket> UdpSocket::connect(asio::any_io_executor executor, const asio::ip::udp::endpoint& remote) {
  UdpSocket result{asio::ip::udp::socket(executor)};
  boost::system::error_code error;
  result.socket_.open(remote.protocol(), error);
  if (!error) result.socket_.connect(remote, error);
  if (error) return system_error("UDP to " + remote.address().to_string(), error.value());
  result.connected_ = true;
  if (Result<void> options = result.set_options(); !options) return options.error();
  return result;
}

UdpSocket::Received UdpSocket::receive(std::span<std::uint8_t> buffer) {
  Received result;
  iovec vector{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, 256> control;
  msghdr message{};
  message.msg_name = &result.remote.v6;
  message.msg_namelen = sizeof result.remote.v6;
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t count = 0;
  do {
    count = ::recvmsg(socket_.native_handle(), &message, 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    result.status = status_of(errno);
    return result;
  }
  result.status = (message.msg_flags & MSG_TRUNC) != 0 ? Status::failed : Status::done;
  result.bytes = buffer.first(static_cast<std::size_t>(count));
  result.segment_bytes = result.bytes.size();
  result.remote.size = message.msg_namelen;
  if (connected_ && result.remote.size == 0) result.status = Status::failed;
  result.local = local_;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_UDP && header->cmsg_type == UDP_GRO) {
      int segment = 0;
      std::memcpy(&segment, CMSG_DATA(header), sizeof segment);
      if (segment > 0) result.segment_bytes = static_cast<std::size_t>(segment);
    } else if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      if (result.local.base.sa_family == AF_INET) result.local.v4.sin_addr = info.ipi_addr;
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      if (result.local.base.sa_family == AF_INET6) result.local.v6.sin6_addr = info.ipi6_addr;
    }
  }
  return result;
}

UdpSocket::Status UdpSocket::send_once(std::span<const std::uint8_t> bytes, std::size_t segment_bytes,
                                       const SocketAddress& local, const SocketAddress& remote, int& error) {
  iovec vector{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, 128> control{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  if (!connected_) {
    message.msg_name = const_cast<sockaddr_in6*>(&remote.v6);
    message.msg_namelen = remote.size;
    if (local.base.sa_family == AF_INET && local.v4.sin_addr.s_addr != INADDR_ANY) {
      in_pktinfo info{};
      info.ipi_spec_dst = local.v4.sin_addr;
      add_control(message, IPPROTO_IP, IP_PKTINFO, info);
    } else if (local.base.sa_family == AF_INET6 && !IN6_IS_ADDR_UNSPECIFIED(&local.v6.sin6_addr)) {
      in6_pktinfo info{};
      info.ipi6_addr = local.v6.sin6_addr;
      add_control(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
  }
  if (segment_bytes < bytes.size()) {
    add_control(message, IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segment_bytes));
  }
  if (message.msg_controllen == 0) message.msg_control = nullptr;
  // A connected socket tells the ICMP error of an earlier datagram once, and sends nothing: try again.
  for (int attempt = 0; attempt < 2; ++attempt) {
    ssize_t count = 0;
    do {
      count = ::sendmsg(socket_.native_handle(), &message, 0);
    } while (count < 0 && errno == EINTR);
    if (count >= 0) return Status::done;
    error = errno;
    if (error != ECONNREFUSED) break;
  }
  return status_of(error);
}

UdpSocket::Status UdpSocket::send(std::span<const std::uint8_t> bytes, std::size_t segment_bytes,
                                  const SocketAddress& local, const SocketAddress& remote, std::size_t& sent) {
  sent = 0;
  int error = 0;
  const bool several = bytes.size() > segment_bytes;
  if (!several || segmentation_) {
    const Status status = send_once(bytes, segment_bytes, local, remote, error);
    // EIO and EINVAL: the device cannot, or a segment is larger than its MTU.
    if (!several || status == Status::done || (error != EIO && error != EINVAL && error != EMSGSIZE)) {
      if (status != Status::blocked) sent = bytes.size();
      return status;
    }
    if (error != EMSGSIZE) segmentation_ = false;
  }
  while (sent < bytes.size()) {
    const auto datagram = bytes.subspan(sent, std::min(segment_bytes, bytes.size() - sent));
    const Status status = send_once(datagram, segment_bytes, local, remote, error);
    if (status == Status::blocked) return status;
    sent += datagram.size();
    if (status == Status::address_gone || status == Status::refused) {
      sent = bytes.size();
      return status;
    }
  }
  return Status::done;
}

}  // namespace gogrid::net::quic
