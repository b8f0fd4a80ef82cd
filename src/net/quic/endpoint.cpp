#include "net/quic/endpoint.hpp"

#include <boost/asio/post.hpp>
#include <chrono>
#include <cstring>

#include "base/encoding.hpp"
#include "net/quic/connection.hpp"

namespace gogrid::net::quic {
namespace {

namespace asio = boost::asio;

// System calls in a row before other handlers get their turn.
constexpr int max_receives = 32;
// The timer is armed for a later time when that is later by this much, and not more often than this.
constexpr ngtcp2_tstamp postponement = 1'000'000'000;

// One for the thread, not for the connection: it is empty between events.
std::span<std::uint8_t> receive_buffer() {
  static thread_local std::vector<std::uint8_t> buffer(64 * 1024);
  return buffer;
}

}  // namespace

struct Endpoint::Port {
  explicit Port(UdpSocket its_socket) : socket(std::move(its_socket)) {}

  UdpSocket socket;
  // What the socket's full buffer did not take.
  std::vector<std::uint8_t> held;
  std::size_t held_segment_bytes = 0;
  SocketAddress held_local;
  SocketAddress held_remote;
  std::vector<std::weak_ptr<Ngtcp2Connection>> waiting;
};

ngtcp2_tstamp now() {
  return static_cast<ngtcp2_tstamp>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

ngtcp2_path make_path(const SocketAddress& local, const SocketAddress& remote) {
  ngtcp2_path path{};
  path.local = {const_cast<sockaddr*>(&local.base), local.size};
  path.remote = {const_cast<sockaddr*>(&remote.base), remote.size};
  return path;
}

std::size_t Endpoint::IdHash::operator()(const IdKey& key) const noexcept {
  return std::hash<std::string_view>{}(std::string_view(reinterpret_cast<const char*>(key.bytes.data()), key.size));
}

Endpoint::IdKey Endpoint::key_of(const std::uint8_t* data, std::size_t size) {
  IdKey key;
  key.size = static_cast<std::uint8_t>(std::min(size, key.bytes.size()));
  std::memcpy(key.bytes.data(), data, key.size);
  return key;
}

Endpoint::Endpoint(asio::any_io_executor executor) : executor_(std::move(executor)), timer_(executor_) {}

Endpoint::~Endpoint() {
  if (acceptor_) acceptor_->on_endpoint_gone();
  for (const auto& [pointer, connection] : connections_)
    connection->on_endpoint_gone();
}

void Endpoint::add_socket(UdpSocket socket) {
  const auto& port = ports_.emplace_back(std::make_shared<Port>(std::move(socket)));
  wait_readable(port);
}

void Endpoint::remove_socket(const SocketAddress& local) {
  ports_.remove_if([&](const std::shared_ptr<Port>& port) {
    if (!(port->socket.local() == local)) return false;
    boost::system::error_code ignored;
    port->socket.socket().close(ignored);
    return true;
  });
}

void Endpoint::keep_only_socket(const SocketAddress& local) {
  ports_.remove_if([&](const std::shared_ptr<Port>& port) {
    if (port->socket.local() == local) return false;
    boost::system::error_code ignored;
    port->socket.socket().close(ignored);
    return true;
  });
}

SocketAddress Endpoint::local() const { return ports_.empty() ? SocketAddress() : ports_.front()->socket.local(); }

void Endpoint::release_acceptor() {
  released_ = true;
  close_if_unused();
}

void Endpoint::add(std::shared_ptr<Ngtcp2Connection> connection) {
  Ngtcp2Connection* const pointer = connection.get();
  connections_.emplace(pointer, std::move(connection));
}

void Endpoint::remove(Ngtcp2Connection& connection) {
  set_deadline(connection, UINT64_MAX);
  const auto found = connections_.find(&connection);
  if (found == connections_.end()) return;
  // Last use of the connection by us: its owner may be further up in the call stack, so let it go later.
  asio::post(executor_, [last = std::move(found->second)] {});
  connections_.erase(found);
  close_if_unused();
}

void Endpoint::close_if_unused() {
  if ((acceptor_ && !released_) || !connections_.empty()) return;
  timer_.cancel();
  for (const auto& port : ports_) {
    boost::system::error_code ignored;
    port->socket.socket().close(ignored);
  }
  ports_.clear();
}

ngtcp2_cid Endpoint::unused_connection_id() const {
  for (;;) {
    const std::string random = random_bytes(connection_id_bytes);
    const auto* const data = reinterpret_cast<const std::uint8_t*>(random.data());
    if (ids_.contains(key_of(data, random.size()))) continue;
    ngtcp2_cid id{};
    ngtcp2_cid_init(&id, data, random.size());
    return id;
  }
}

void Endpoint::add_connection_id(const ngtcp2_cid& id, Ngtcp2Connection& connection) {
  ids_[key_of(id.data, id.datalen)] = &connection;
}

void Endpoint::remove_connection_id(const ngtcp2_cid& id) { ids_.erase(key_of(id.data, id.datalen)); }

// --- receiving

void Endpoint::wait_readable(const std::shared_ptr<Port>& port) {
  port->socket.socket().async_wait(asio::ip::udp::socket::wait_read,
                                   [self = shared_from_this(), port](const boost::system::error_code& error) {
                                     if (error || !port->socket.socket().is_open()) return;
                                     self->on_readable(*port);
                                     if (port->socket.socket().is_open()) self->wait_readable(port);
                                   });
}

void Endpoint::on_readable(Port& port) {
  for (int i = 0; i < max_receives && port.socket.socket().is_open(); ++i) {
    const UdpSocket::Received received = port.socket.receive(receive_buffer());
    if (received.status == UdpSocket::Status::blocked) break;
    if (received.status == UdpSocket::Status::refused) on_refused();
    if (received.status != UdpSocket::Status::done) continue;
    auto rest = received.bytes;
    while (!rest.empty()) {
      const std::size_t size = std::min(rest.size(), received.segment_bytes);
      const Packet packet{rest.first(size), received.local, received.remote};
      on_packet(packet);
      rest = rest.subspan(size);
    }
  }
}

void Endpoint::on_packet(const Packet& packet) {
  ngtcp2_version_cid header{};
  const int code =
      ngtcp2_pkt_decode_version_cid(&header, packet.bytes.data(), packet.bytes.size(), connection_id_bytes);
  if (code != 0 && code != NGTCP2_ERR_VERSION_NEGOTIATION) return;
  const auto found = header.dcidlen <= NGTCP2_MAX_CIDLEN ? ids_.find(key_of(header.dcid, header.dcidlen)) : ids_.end();
  if (found == ids_.end()) {
    if (acceptor_) {
      const std::shared_ptr<Acceptor> acceptor = acceptor_;
      acceptor->on_unknown_packet(packet);
    } else if (connections_.size() == 1 && header.version == 0) {
      // A stateless reset carries a random connection id; only the connection can tell.
      connections_.begin()->second->on_packet(packet);
    }
    return;
  }
  const std::shared_ptr<Ngtcp2Connection> connection = found->second->shared_from_this();
  connection->on_packet(packet);
}

void Endpoint::on_refused() {
  std::vector<std::shared_ptr<Ngtcp2Connection>> all;
  for (const auto& [pointer, connection] : connections_)
    all.push_back(connection);
  for (const auto& connection : all)
    connection->on_refused();
}

// --- sending

Endpoint::Port* Endpoint::port_for(const SocketAddress& local) {
  if (ports_.empty()) return nullptr;
  for (const auto& port : ports_) {
    if (port->socket.local() == local) return port.get();
  }
  // A server's one socket serves every local address; a client's old path may have lost its socket already.
  return ports_.size() == 1 ? ports_.front().get() : nullptr;
}

bool Endpoint::can_send(const SocketAddress& local, Ngtcp2Connection& connection) {
  Port* const port = port_for(local);
  if (!port || port->held.empty()) return true;
  port->waiting.push_back(connection.weak_from_this());
  return false;
}

UdpSocket::Status Endpoint::send(std::span<const std::uint8_t> bytes, std::size_t segment_bytes,
                                 const SocketAddress& local, const SocketAddress& remote) {
  Port* const port = port_for(local);
  if (!port) return UdpSocket::Status::failed;
  // Only what is sent outside of flush() comes here: a Retry, say. Its sender will ask again.
  if (!port->held.empty()) return UdpSocket::Status::blocked;
  std::size_t sent = 0;
  const UdpSocket::Status status = port->socket.send(bytes, segment_bytes, local, remote, sent);
  if (status != UdpSocket::Status::blocked) return status;
  const auto rest = bytes.subspan(sent);
  port->held.assign(rest.begin(), rest.end());
  port->held_segment_bytes = segment_bytes;
  port->held_local = local;
  port->held_remote = remote;
  for (const auto& candidate : ports_) {
    if (candidate.get() == port) wait_writable(candidate);
  }
  return status;
}

void Endpoint::wait_writable(const std::shared_ptr<Port>& port) {
  port->socket.socket().async_wait(asio::ip::udp::socket::wait_write,
                                   [self = shared_from_this(), port](const boost::system::error_code& error) {
                                     if (error || !port->socket.socket().is_open()) return;
                                     self->on_writable(*port);
                                     if (!port->held.empty()) self->wait_writable(port);
                                   });
}

void Endpoint::on_writable(Port& port) {
  std::size_t sent = 0;
  const auto status = port.socket.send(port.held, port.held_segment_bytes, port.held_local, port.held_remote, sent);
  port.held.erase(port.held.begin(), port.held.begin() + static_cast<std::ptrdiff_t>(sent));
  if (status == UdpSocket::Status::blocked && !port.held.empty()) return;
  port.held = {};
  for (const auto& weak : std::exchange(port.waiting, {})) {
    if (const auto connection = weak.lock()) flush_soon(*connection);
  }
}

void Endpoint::flush_soon(Ngtcp2Connection& connection) {
  if (connection.flush_scheduled) return;
  connection.flush_scheduled = true;
  to_flush_.push_back(connection.shared_from_this());
  if (flush_posted_) return;
  flush_posted_ = true;
  asio::post(executor_, [self = shared_from_this()] { self->flush_scheduled(); });
}

void Endpoint::flush_scheduled() {
  flush_posted_ = false;
  for (const auto& connection : std::exchange(to_flush_, {})) {
    connection->flush_scheduled = false;
    connection->flush();
  }
}

// --- time

void Endpoint::set_deadline(Ngtcp2Connection& connection, ngtcp2_tstamp deadline) {
  if (connection.deadline == deadline) return;
  if (connection.deadline != UINT64_MAX) {
    auto node = deadlines_.extract({connection.deadline, &connection});
    connection.deadline = deadline;
    if (deadline != UINT64_MAX && !node.empty()) {
      node.value().first = deadline;
      deadlines_.insert(std::move(node));
    }
  } else {
    connection.deadline = deadline;
    deadlines_.emplace(deadline, &connection);
  }
  arm_timer();
}

void Endpoint::arm_timer() {
  if (deadlines_.empty()) return;
  const ngtcp2_tstamp next = deadlines_.begin()->first;
  if (next >= armed_for_) {
    // Firing early and arming again is cheaper than arming for every packet. But an idle endpoint is not woken for
    // nothing.
    if (next - armed_for_ < postponement) return;
    const ngtcp2_tstamp time = now();
    if (time - postponed_at_ < postponement) return;
    postponed_at_ = time;
  }
  armed_for_ = next;
  // A deadline beyond 2^62 ns (146 years) would overflow the clock's type.
  const auto at = std::chrono::nanoseconds(static_cast<std::int64_t>(std::min<ngtcp2_tstamp>(armed_for_, 1ULL << 62)));
  timer_.expires_at(asio::steady_timer::time_point(at));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->on_timer();
  });
}

void Endpoint::on_timer() {
  armed_for_ = UINT64_MAX;
  const ngtcp2_tstamp time = now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= time) {
    const std::shared_ptr<Ngtcp2Connection> connection = deadlines_.begin()->second->shared_from_this();
    // Taken out first: whatever the connection does, this loop ends.
    deadlines_.erase(deadlines_.begin());
    connection->deadline = UINT64_MAX;
    connection->on_timer(time);
  }
  arm_timer();
}

}  // namespace gogrid::net::quic
