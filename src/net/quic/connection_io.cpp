// The moving part of a connection: ngtcp2's callbacks, packets in, packets out, time.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "net/quic/connection.hpp"

namespace gogrid::net::quic {
namespace {

// The largest train of datagrams that one system call takes: 64 segments, 65,507 bytes.
constexpr std::size_t max_train_bytes = 60 * 1024;
constexpr std::size_t max_train_packets = 60;
// While the socket takes nothing, ngtcp2's wish to send at once must not become a busy loop: the socket wakes us.
constexpr ngtcp2_duration blocked_delay = 20'000'000;
// What can wait for a packet to go with waits this long: less than the 25 ms that a peer allows for an acknowledgement.
constexpr ngtcp2_duration send_delay = 15'000'000;

// One for the thread, not for the connection: it is empty between events.
std::span<std::uint8_t> send_buffer() {
  static thread_local std::vector<std::uint8_t> buffer(64 * 1024);
  return buffer;
}

SocketAddress address(const ngtcp2_addr& value) { return SocketAddress(value.addr, value.addrlen); }

void fill_random(std::uint8_t* data, std::size_t size) {
  const std::string random = random_bytes(size);
  std::memcpy(data, random.data(), size);
}

}  // namespace

// --- ngtcp2's callbacks. They change our state and wake nobody directly: events only post.

struct Ngtcp2Connection::Callbacks {
  static Ngtcp2Connection& self(void* user_data) { return *static_cast<Ngtcp2Connection*>(user_data); }
  static Ngtcp2Stream* stream(void* stream_user_data) { return static_cast<Ngtcp2Stream*>(stream_user_data); }

  static int recv_crypto_data(ngtcp2_conn* conn, ngtcp2_encryption_level level, std::uint64_t offset,
                              const std::uint8_t* data, std::size_t size, void* user_data) {
    // After the handshake only tickets could come, and we use none.
    if (!self(user_data).tls_) return 0;
    return ngtcp2_crypto_recv_crypto_data_cb(conn, level, offset, data, size, user_data);
  }

  static int handshake_completed(ngtcp2_conn*, void* user_data) {
    if (self(user_data).server_) self(user_data).handshake_done_ = true;
    return 0;
  }

  // A client's handshake is done only when the server has accepted the client's certificate.
  static int handshake_confirmed(ngtcp2_conn*, void* user_data) {
    self(user_data).handshake_done_ = true;
    return 0;
  }

  static int recv_stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t, std::uint64_t, const std::uint8_t* data,
                              std::size_t size, void*, void* stream_user_data) {
    if (Ngtcp2Stream* const target = stream(stream_user_data)) {
      target->on_data({data, size}, (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
    }
    return 0;
  }

  static int acked_stream_data(ngtcp2_conn*, std::int64_t, std::uint64_t, std::uint64_t size, void*,
                               void* stream_user_data) {
    if (Ngtcp2Stream* const target = stream(stream_user_data)) target->on_acked(size);
    return 0;
  }

  static int stream_open(ngtcp2_conn*, std::int64_t id, void* user_data) {
    Ngtcp2Connection& connection = self(user_data);
    connection.incoming_.push_back(connection.add_stream(id));
    connection.incoming_event_.notify();
    return 0;
  }

  static int stream_close(ngtcp2_conn*, std::uint32_t flags, std::int64_t id, std::uint64_t code, void* user_data,
                          void* stream_user_data) {
    std::optional<std::uint64_t> error;
    if ((flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET) != 0) error = code;
    self(user_data).remove_stream(id, stream(stream_user_data), error);
    return 0;
  }

  static int stream_reset(ngtcp2_conn* conn, std::int64_t id, std::uint64_t, std::uint64_t code, void*,
                          void* stream_user_data) {
    Ngtcp2Stream* const target = stream(stream_user_data);
    // Our reset() ends both directions, so the peer's means both.
    if (!target || target->on_peer_reset(code)) ngtcp2_conn_shutdown_stream_write(conn, 0, id, code);
    return 0;
  }

  static int extend_max_stream_data(ngtcp2_conn*, std::int64_t, std::uint64_t, void* user_data,
                                    void* stream_user_data) {
    if (Ngtcp2Stream* const target = stream(stream_user_data)) self(user_data).want_send(*target, true);
    return 0;
  }

  static int recv_stateless_reset(ngtcp2_conn*, const ngtcp2_pkt_stateless_reset*, void* user_data) {
    self(user_data).stateless_reset_ = true;
    return 0;
  }

  static void random(std::uint8_t* data, std::size_t size, const ngtcp2_rand_ctx*) { fill_random(data, size); }

  static int new_connection_id(ngtcp2_conn*, ngtcp2_cid* id, std::uint8_t* token, std::size_t, void* user_data) {
    Ngtcp2Connection& connection = self(user_data);
    *id = connection.endpoint_->unused_connection_id();
    if (connection.reset_secret_) {
      const auto* const secret = reinterpret_cast<const std::uint8_t*>(connection.reset_secret_->data());
      if (ngtcp2_crypto_generate_stateless_reset_token(token, secret, connection.reset_secret_->size(), id) != 0) {
        return NGTCP2_ERR_CALLBACK_FAILURE;
      }
    } else {
      fill_random(token, NGTCP2_STATELESS_RESET_TOKENLEN);
    }
    connection.ids_.push_back(*id);
    connection.endpoint_->add_connection_id(*id, connection);
    return 0;
  }

  static int remove_connection_id(ngtcp2_conn*, const ngtcp2_cid* id, void* user_data) {
    Ngtcp2Connection& connection = self(user_data);
    std::erase_if(connection.ids_, [&](const ngtcp2_cid& candidate) { return ngtcp2_cid_eq(&candidate, id) != 0; });
    connection.endpoint_->remove_connection_id(*id);
    return 0;
  }

  static int update_key(ngtcp2_conn* conn, std::uint8_t* receive_secret, std::uint8_t* send_secret,
                        ngtcp2_crypto_aead_ctx* receive_context, std::uint8_t* receive_iv,
                        ngtcp2_crypto_aead_ctx* send_context, std::uint8_t* send_iv,
                        const std::uint8_t* current_receive_secret, const std::uint8_t* current_send_secret,
                        std::size_t secret_size, void* user_data) {
    const int code =
        update_packet_keys(conn, *self(user_data).tls_owner_.keys, receive_secret, send_secret, receive_context,
                           receive_iv, send_context, send_iv, current_receive_secret, current_send_secret, secret_size);
    return code == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
  }

  static int path_validation(ngtcp2_conn*, std::uint32_t, const ngtcp2_path*, const ngtcp2_path*,
                             ngtcp2_path_validation_result, void* user_data) {
    self(user_data).path_changed_ = true;
    return 0;
  }

  static ngtcp2_callbacks common() {
    ngtcp2_callbacks table{};
    set_packet_key_callbacks(table);
    table.recv_crypto_data = recv_crypto_data;
    table.recv_stream_data = recv_stream_data;
    table.acked_stream_data_offset = acked_stream_data;
    table.stream_open = stream_open;
    table.stream_close = stream_close;
    table.stream_reset = stream_reset;
    table.extend_max_stream_data = extend_max_stream_data;
    table.recv_stateless_reset = recv_stateless_reset;
    table.rand = random;
    table.get_new_connection_id = new_connection_id;
    table.remove_connection_id = remove_connection_id;
    table.update_key = update_key;
    table.path_validation = path_validation;
    table.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
    table.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
    return table;
  }

  static ngtcp2_callbacks server() {
    ngtcp2_callbacks table = common();
    table.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    table.handshake_completed = handshake_completed;
    return table;
  }

  static ngtcp2_callbacks client() {
    ngtcp2_callbacks table = common();
    table.client_initial = ngtcp2_crypto_client_initial_cb;
    table.recv_retry = ngtcp2_crypto_recv_retry_cb;
    table.handshake_confirmed = handshake_confirmed;
    return table;
  }
};

const ngtcp2_callbacks& Ngtcp2Connection::server_table() {
  static const ngtcp2_callbacks table = Callbacks::server();
  return table;
}

const ngtcp2_callbacks& Ngtcp2Connection::client_table() {
  static const ngtcp2_callbacks table = Callbacks::client();
  return table;
}

// --- streams

std::shared_ptr<Ngtcp2Stream> Ngtcp2Connection::add_stream(std::int64_t id) {
  auto stream = std::make_shared<Ngtcp2Stream>(*this, executor_, id);
  ngtcp2_conn_set_stream_user_data(conn_, id, stream.get());
  streams_.emplace(id, stream);
  return stream;
}

void Ngtcp2Connection::remove_stream(std::int64_t id, Ngtcp2Stream* stream, std::optional<std::uint64_t> code) {
  const bool is_own = ngtcp2_conn_is_local_stream(conn_, id) != 0;
  if (is_own && --own_streams_ == 0) end_watch();
  if (!stream) return;
  stream->on_transport_closed(code);
  streams_.erase(id);
  if (is_own) return;
  // Each grant is a frame of its own: an eighth of the limit at a time.
  const std::uint64_t limit = ngtcp2_conn_get_local_transport_params(conn_)->initial_max_streams_bidi;
  if (++ended_streams_ < std::max<std::uint64_t>(limit / 8, 1)) return;
  ngtcp2_conn_extend_max_streams_bidi(conn_, static_cast<std::size_t>(std::exchange(ended_streams_, 0)));
}

void Ngtcp2Connection::want_send(Ngtcp2Stream& stream, bool urgent) {
  if (!conn_ || !stream.has_outgoing()) return;
  if (!stream.is_linked()) send_queue_.push_back(stream);
  if (urgent) {
    endpoint_->flush_soon(*this);
  } else {
    flush_later();
  }
}

void Ngtcp2Connection::flush_later() { endpoint_->set_deadline(*this, std::min(deadline, now() + send_delay)); }

void Ngtcp2Connection::on_read(std::int64_t id, std::size_t bytes) {
  if (!conn_) return;
  ngtcp2_conn_extend_max_stream_offset(conn_, id, bytes);
  on_discarded(bytes);
}

void Ngtcp2Connection::on_discarded(std::size_t bytes) {
  if (!conn_) return;
  ngtcp2_conn_extend_max_offset(conn_, bytes);
  read_bytes_ += bytes;
  // ngtcp2 tells the peer of half a window, not of less.
  if (read_bytes_ >= ngtcp2_conn_get_local_transport_params(conn_)->initial_max_stream_data_bidi_local / 4) {
    endpoint_->flush_soon(*this);
  }
}

void Ngtcp2Connection::shut_stream(std::int64_t id, std::uint64_t code) {
  if (!conn_) return;
  ngtcp2_conn_shutdown_stream(conn_, 0, id, code);
  endpoint_->flush_soon(*this);
}

void Ngtcp2Connection::stop_reading(std::int64_t id, std::uint64_t code) {
  if (!conn_) return;
  ngtcp2_conn_shutdown_stream_read(conn_, 0, id, code);
  endpoint_->flush_soon(*this);
}

// --- packets in

void Ngtcp2Connection::on_packet(const Packet& packet) {
  if (!conn_) {
    // RFC 9000 §10.2.1: answer late packets, but fewer and fewer of them.
    ++late_packets_;
    const bool power_of_two = (late_packets_ & (late_packets_ - 1)) == 0;
    if (state_ == State::closing && power_of_two) {
      endpoint_->send(close_packet_, close_packet_.size(), packet.local, packet.remote);
    }
    return;
  }
  heard_at_ = now();
  const ngtcp2_path path = make_path(packet.local, packet.remote);
  const int code = ngtcp2_conn_read_pkt(conn_, &path, nullptr, packet.bytes.data(), packet.bytes.size(), now());
  if (code == NGTCP2_ERR_DRAINING) {
    Error error = peer_close_error();
    const bool closed_by_choice = error.code == ErrorCode::permission_denied;
    Error stream_error(closed_by_choice ? ErrorCode::cancelled : error.code, error.detail);
    end(State::draining, std::move(error), std::move(stream_error), true);
    return;
  }
  if (code != 0) {
    fail_with(code);
    return;
  }
  const bool was_established = state_ == State::established;
  if (handshake_done_ && state_ == State::handshaking) on_handshake_progress();
  if (path_changed_) after_path_change();
  if (!conn_) return;
  // ngtcp2 would acknowledge each packet by itself, an eighth of a round trip after it came.
  const bool is_due = ngtcp2_conn_get_expiry(conn_) <= now() + send_delay;
  if (!was_established || !send_queue_.empty() || !is_due || ++unanswered_packets_ >= packets_per_ack) {
    endpoint_->flush_soon(*this);
  } else {
    flush_later();
  }
}

void Ngtcp2Connection::on_handshake_progress() {
  Result<PeerIdentity> identity = tls_->peer();
  if (!identity) return refuse(identity.error());
  identity_ = std::move(*identity);
  if (server_ && listen_options_->authorize) {
    const Result<void> allowed = listen_options_->authorize(identity_);
    if (!conn_) return;
    if (!allowed) return refuse(allowed.error());
  }
  state_ = State::established;
  if (!server_) {
    const ngtcp2_duration ours = ngtcp2_conn_get_local_transport_params(conn_)->max_idle_timeout;
    const ngtcp2_duration theirs = ngtcp2_conn_get_remote_transport_params(conn_)->max_idle_timeout;
    keep_alive_ = (theirs == 0 ? ours : std::min(ours, theirs)) / 3;
    ngtcp2_conn_set_keep_alive_timeout(conn_, keep_alive_);
  }
  // The keys are ngtcp2's now: the session would only take up memory.
  ngtcp2_conn_set_tls_native_handle(conn_, nullptr);
  tls_.reset();
  if (acceptor_) {
    const std::shared_ptr<Acceptor> acceptor = acceptor_;
    acceptor->on_established(*this);
  }
  established_event_.notify();
}

void Ngtcp2Connection::refuse(const Error& error) {
  log().info("refused a connection from {}: {}", remote_endpoint().address().to_string(), error.detail);
  close(close_code_refused, error.detail);
}

void Ngtcp2Connection::on_refused() {
  if (!conn_ || state_ != State::handshaking || server_) return;
  const Error error(ErrorCode::unavailable, "nothing listens at the peer's UDP port");
  end(State::over, error, error, false);
}

void Ngtcp2Connection::after_path_change() {
  path_changed_ = false;
  if (server_ || !endpoint_ || endpoint_->socket_count() < 2) return;
  // Late packets may still come to the old address.
  retire_sockets_at_ = now() + 3 * ngtcp2_conn_get_pto(conn_);
  update_deadline();
}

// --- packets out

// One packet into `buffer`: whatever ngtcp2 has to say and as many streams as fit. 0: nothing to send or not allowed
// to.
ngtcp2_ssize Ngtcp2Connection::write_packet(std::span<std::uint8_t> buffer, ngtcp2_path_storage& path,
                                            ngtcp2_tstamp time, bool& window_full) {
  std::array<ngtcp2_vec, 16> views;
  for (;;) {
    Ngtcp2Stream* const stream = send_queue_.empty() || window_full ? nullptr : &send_queue_.front();
    Ngtcp2Stream::Outgoing outgoing;
    std::uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_NONE;
    if (stream) {
      outgoing = stream->outgoing(views);
      flags = NGTCP2_WRITE_STREAM_FLAG_MORE;
      if (outgoing.fin) flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
    }
    ngtcp2_ssize taken = -1;
    const ngtcp2_ssize size =
        ngtcp2_conn_writev_stream(conn_, &path.path, nullptr, buffer.data(), buffer.size(), &taken, flags,
                                  stream ? stream->id() : -1, views.data(), outgoing.count, time);
    if (stream && taken >= 0) {
      const auto bytes = static_cast<std::size_t>(taken);
      stream->on_sent(bytes, outgoing.fin && bytes == outgoing.bytes);
      stream->unlink();
      // To the back of the queue: streams take turns.
      if (stream->has_outgoing()) send_queue_.push_back(*stream);
    }
    if (size == NGTCP2_ERR_WRITE_MORE) continue;
    if (size == NGTCP2_ERR_STREAM_DATA_BLOCKED) {
      // Either the connection's window is full, or the stream's: then it comes back with extend_max_stream_data.
      if (ngtcp2_conn_get_max_data_left(conn_) == 0) {
        window_full = true;
      } else {
        stream->unlink();
      }
      continue;
    }
    if (size == NGTCP2_ERR_STREAM_SHUT_WR || size == NGTCP2_ERR_STREAM_NOT_FOUND) {
      stream->on_write_refused();
      continue;
    }
    return size;
  }
}

void Ngtcp2Connection::send_segments(std::span<const std::uint8_t> bytes, std::size_t segment_bytes,
                                     const ngtcp2_path& path) {
  if (bytes.empty()) return;
  const UdpSocket::Status status = endpoint_->send(bytes, segment_bytes, address(path.local), address(path.remote));
  if (status == UdpSocket::Status::address_gone) address_gone_ = true;
}

bool Ngtcp2Connection::send_batch(ngtcp2_tstamp time, bool& sent) {
  const auto buffer = send_buffer();
  const std::size_t packet_limit = ngtcp2_conn_get_max_tx_udp_payload_size(conn_);
  const std::size_t train_limit =
      std::min(max_train_bytes, std::max<std::size_t>(ngtcp2_conn_get_send_quantum(conn_), packet_limit));
  ngtcp2_path_storage train_path;
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&train_path);
  ngtcp2_path_storage_zero(&path);
  std::size_t used = 0;
  std::size_t segment = 0;
  bool more = true;
  bool window_full = false;
  for (std::size_t packets = 0; packets < max_train_packets && used < train_limit; ++packets) {
    const ngtcp2_ssize written = write_packet(buffer.subspan(used, packet_limit), path, time, window_full);
    if (written < 0) {
      fail_with(static_cast<int>(written));
      return false;
    }
    if (written == 0) {
      more = false;
      break;
    }
    sent = true;
    const auto size = static_cast<std::size_t>(written);
    if (used == 0) {
      segment = size;
      ngtcp2_path_copy(&train_path.path, &path.path);
    } else if (size > segment || !ngtcp2_path_eq(&train_path.path, &path.path)) {
      // It cannot be in the same train: an MTU probe, or for another path.
      send_segments(buffer.first(used), segment, train_path.path);
      send_segments(buffer.subspan(used, size), size, path.path);
      used = 0;
      continue;
    }
    used += size;
    if (size < segment) break;
  }
  send_segments(buffer.first(used), segment, train_path.path);
  return more;
}

void Ngtcp2Connection::flush() {
  if (!conn_) return;
  read_bytes_ = 0;
  unanswered_packets_ = 0;
  const ngtcp2_tstamp time = now();
  bool blocked = false;
  bool sent = false;
  bool more = true;
  ngtcp2_tstamp next = 0;
  while (more) {
    blocked = !endpoint_->can_send(address(ngtcp2_conn_get_path(conn_)->local), *this);
    if (blocked) break;
    more = send_batch(time, sent);
    if (!conn_) return;
    next = ngtcp2_conn_get_expiry(conn_);
    ngtcp2_conn_update_pkt_tx_time(conn_, time);
  }
  if (address_gone_ && !server_) {
    address_gone_ = false;
    if (const Result<void> moved = migrate(true); !moved) log().debug("QUIC migration: {}", moved.error().detail);
  }
  const bool at_rest = !blocked && state_ == State::established && send_queue_.empty();
  if (at_rest && sent && next > time + send_delay) end_pause();
  // With nothing to send, what ngtcp2 wants to be woken for soon is its pace, acknowledgements and, seldom, the repair
  // of a loss: none is worth a wake-up of its own.
  update_deadline(blocked ? time + blocked_delay : at_rest ? time + send_delay : 0);
}

// The pause that keeps the pace after what was sent, mostly some microseconds, is over by now: nobody need be woken for
// it.
void Ngtcp2Connection::end_pause() {
  const ngtcp2_tstamp time = now();
  if (ngtcp2_conn_get_expiry(conn_) > time) return;
  if (const int code = ngtcp2_conn_handle_expiry(conn_, time); code != 0) fail_with(code);
}

// --- time

void Ngtcp2Connection::begin_watch() {
  if (busy_timeout_ == 0) return;
  heard_at_ = now();
  ngtcp2_conn_set_keep_alive_timeout(conn_, std::min(keep_alive_, busy_timeout_ / 4));
  update_deadline();
}

void Ngtcp2Connection::end_watch() {
  if (busy_timeout_ != 0) ngtcp2_conn_set_keep_alive_timeout(conn_, keep_alive_);
}

ngtcp2_tstamp Ngtcp2Connection::lost_at() const {
  return busy_timeout_ == 0 || own_streams_ == 0 ? UINT64_MAX : heard_at_ + busy_timeout_;
}

void Ngtcp2Connection::update_deadline(ngtcp2_tstamp not_before) {
  if (!conn_) return;
  const ngtcp2_tstamp next = std::min({ngtcp2_conn_get_expiry(conn_), retire_sockets_at_, lost_at()});
  endpoint_->set_deadline(*this, std::max(next, not_before));
}

void Ngtcp2Connection::on_timer(ngtcp2_tstamp time) {
  if (!conn_) {
    forget();
    return;
  }
  if (retire_sockets_at_ <= time) {
    retire_sockets_at_ = UINT64_MAX;
    endpoint_->keep_only_socket(address(ngtcp2_conn_get_path(conn_)->local));
  }
  if (lost_at() <= time) return fail_with(NGTCP2_ERR_IDLE_CLOSE);
  if (ngtcp2_conn_get_expiry(conn_) <= time) {
    if (const int code = ngtcp2_conn_handle_expiry(conn_, time); code != 0) {
      fail_with(code);
      return;
    }
  }
  if (path_changed_) after_path_change();
  flush();
}

}  // namespace gogrid::net::quic
