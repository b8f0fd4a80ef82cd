#include "net/quic/connection.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/encoding.hpp"

namespace gogrid::net::quic {
namespace {

namespace asio = boost::asio;

constexpr std::size_t max_reason_bytes = 512;
// The one in use and a spare one: each migration uses one up and brings a new one.
constexpr std::uint64_t connection_id_limit = 2;
// A client's socket is its own: closing it early harms nobody (RFC 9000 §10.2), and programs that end need not wait.
constexpr ngtcp2_duration max_client_closing = 300'000'000;

ngtcp2_duration nanoseconds(std::chrono::milliseconds duration) {
  return static_cast<ngtcp2_duration>(std::chrono::nanoseconds(duration).count());
}

ngtcp2_settings make_settings(const TransportOptions& transport) {
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = now();
  settings.handshake_timeout = nanoseconds(transport.handshake_timeout);
  settings.ack_thresh = Ngtcp2Connection::packets_per_ack;
  return settings;
}

ngtcp2_transport_params make_params(const TransportOptions& transport) {
  ngtcp2_transport_params params;
  ngtcp2_transport_params_default(&params);
  params.initial_max_stream_data_bidi_local = transport.stream_window_bytes;
  params.initial_max_stream_data_bidi_remote = transport.stream_window_bytes;
  params.initial_max_data = transport.connection_window_bytes;
  params.initial_max_streams_bidi = transport.max_peer_streams;
  params.max_idle_timeout = nanoseconds(transport.idle_timeout);
  params.active_connection_id_limit = connection_id_limit;
  return params;
}

}  // namespace

Ngtcp2Connection::Ngtcp2Connection(Endpoint& endpoint) : endpoint_(&endpoint), executor_(endpoint.executor()) {
  tls_owner_.get_conn = [](ngtcp2_crypto_conn_ref* reference) {
    return static_cast<Ngtcp2Connection*>(reference->user_data)->conn_;
  };
  tls_owner_.user_data = this;
  tls_owner_.keys = &endpoint.packet_keys();
}

Ngtcp2Connection::~Ngtcp2Connection() {
  for (const auto& [id, stream] : streams_)
    stream->detach();
  if (conn_) ngtcp2_conn_del(conn_);
}

// Common end of make_server and make_client.
Result<void> Ngtcp2Connection::start(int code, Result<std::unique_ptr<TlsSession>> session) {
  if (code != 0) return Error(ErrorCode::internal, std::string("QUIC connection: ") + ngtcp2_strerror(code));
  if (!session) return session.error();
  tls_ = std::move(*session);
  ngtcp2_conn_set_tls_native_handle(conn_, tls_->native_handle());
  for (const ngtcp2_cid& id : ids_)
    endpoint_->add_connection_id(id, *this);
  endpoint_->add(shared_from_this());
  update_deadline();
  return {};
}

Result<std::shared_ptr<Ngtcp2Connection>> Ngtcp2Connection::make_server(Endpoint& endpoint, const ServerSetup& setup) {
  auto connection = std::make_shared<Ngtcp2Connection>(endpoint);
  connection->server_ = true;
  connection->listen_options_ = &setup.options;
  connection->reset_secret_ = &setup.reset_secret;
  connection->busy_timeout_ = nanoseconds(setup.options.transport.busy_timeout);
  ngtcp2_settings settings = make_settings(setup.options.transport);
  ngtcp2_transport_params params = make_params(setup.options.transport);
  params.original_dcid = setup.original_id.value_or(setup.initial.dcid);
  params.original_dcid_present = 1;
  if (setup.original_id) {
    params.retry_scid = setup.initial.dcid;
    params.retry_scid_present = 1;
    settings.token = setup.initial.token;
    settings.tokenlen = setup.initial.tokenlen;
    settings.token_type = NGTCP2_TOKEN_TYPE_RETRY;
  }
  const ngtcp2_cid id = endpoint.unused_connection_id();
  params.stateless_reset_token_present = 1;
  const auto* const secret = reinterpret_cast<const std::uint8_t*>(setup.reset_secret.data());
  ngtcp2_crypto_generate_stateless_reset_token(params.stateless_reset_token, secret, setup.reset_secret.size(), &id);
  connection->ids_ = {id, setup.initial.dcid};
  const ngtcp2_path path = make_path(setup.packet.local, setup.packet.remote);
  const int code = ngtcp2_conn_server_new(&connection->conn_, &setup.initial.scid, &id, &path, setup.initial.version,
                                          &server_table(), &settings, &params, nullptr, connection.get());
  auto session = make_server_session(setup.credentials, setup.options.transport.alpn, &connection->tls_owner_);
  if (Result<void> started = connection->start(code, std::move(session)); !started) return started.error();
  connection->acceptor_ = setup.acceptor;
  return connection;
}

Result<std::shared_ptr<Ngtcp2Connection>> Ngtcp2Connection::make_client(
    Endpoint& endpoint, const SocketAddress& remote, std::shared_ptr<const TlsCredentials> credentials,
    const ConnectOptions& options) {
  auto connection = std::make_shared<Ngtcp2Connection>(endpoint);
  connection->busy_timeout_ = nanoseconds(options.transport.busy_timeout);
  const ngtcp2_settings settings = make_settings(options.transport);
  const ngtcp2_transport_params params = make_params(options.transport);
  const ngtcp2_cid id = endpoint.unused_connection_id();
  // RFC 9000 §7.2: at least 8 unpredictable bytes.
  ngtcp2_cid first_destination{};
  const std::string random = random_bytes(16);
  ngtcp2_cid_init(&first_destination, reinterpret_cast<const std::uint8_t*>(random.data()), random.size());
  connection->ids_ = {id};
  const SocketAddress local = endpoint.local();
  const ngtcp2_path path = make_path(local, remote);
  const int code = ngtcp2_conn_client_new(&connection->conn_, &first_destination, &id, &path, NGTCP2_PROTO_VER_V1,
                                          &client_table(), &settings, &params, nullptr, connection.get());
  auto session =
      make_client_session(std::move(credentials), options.transport.alpn, options.server_name, &connection->tls_owner_);
  if (Result<void> started = connection->start(code, std::move(session)); !started) return started.error();
  return connection;
}

std::shared_ptr<Connection> Ngtcp2Connection::make_handle(std::shared_ptr<Ngtcp2Connection> connection) {
  Connection* const pointer = connection.get();
  return std::shared_ptr<Connection>(pointer, [owner = std::move(connection)](Connection*) { owner->close(0, ""); });
}

// --- what users call

Result<std::shared_ptr<Stream>> Ngtcp2Connection::open_stream() {
  if (stream_error_) return *stream_error_;
  std::int64_t id = -1;
  const int code = ngtcp2_conn_open_bidi_stream(conn_, &id, nullptr);
  if (code == 0) {
    if (++own_streams_ == 1) begin_watch();
    return Ngtcp2Stream::make_handle(add_stream(id));
  }
  if (code == NGTCP2_ERR_STREAM_ID_BLOCKED) return Error(ErrorCode::unavailable, "the peer allows no more streams now");
  return Error(ErrorCode::internal, std::string("open_stream: ") + ngtcp2_strerror(code));
}

asio::awaitable<Result<std::shared_ptr<Stream>>> Ngtcp2Connection::accept_stream() {
  const auto self = shared_from_this();
  for (;;) {
    if (!incoming_.empty()) {
      auto stream = std::move(incoming_.front());
      incoming_.pop_front();
      co_return Ngtcp2Stream::make_handle(std::move(stream));
    }
    if (stream_error_) co_return *stream_error_;
    const bool woken = co_await incoming_event_.wait(executor_);
    if (!woken) co_return Error(ErrorCode::cancelled, "accept_stream: cancelled");
  }
}

asio::awaitable<Error> Ngtcp2Connection::closed() {
  const auto self = shared_from_this();
  while (!reason_) {
    const bool woken = co_await closed_event_.wait(executor_);
    if (!woken) co_return Error(ErrorCode::cancelled, "waiting for the end of the connection was cancelled");
  }
  co_return *reason_;
}

asio::awaitable<Result<void>> Ngtcp2Connection::wait_established() {
  const auto self = shared_from_this();
  while (state_ == State::handshaking) {
    const bool woken = co_await established_event_.wait(executor_);
    if (!woken) {
      close(0, "");
      co_return Error(ErrorCode::cancelled, "connecting was cancelled");
    }
  }
  if (reason_) co_return *reason_;
  co_return Result<void>();
}

void Ngtcp2Connection::close(std::uint64_t code, std::string reason) noexcept {
  if (!conn_) return;
  if (reason.size() > max_reason_bytes) reason.resize(max_reason_bytes);
  ngtcp2_ccerr error;
  ngtcp2_ccerr_set_application_error(&error, code, reinterpret_cast<const std::uint8_t*>(reason.data()), reason.size());
  send_close(error);
  const Error told(ErrorCode::cancelled, reason.empty() ? "the connection was closed" : std::move(reason));
  end(State::closing, told, told, false);
}

asio::ip::udp::endpoint Ngtcp2Connection::remote_endpoint() const {
  if (!conn_) return remote_.endpoint();
  const ngtcp2_path* const path = ngtcp2_conn_get_path(conn_);
  return SocketAddress(path->remote.addr, path->remote.addrlen).endpoint();
}

std::chrono::microseconds Ngtcp2Connection::smoothed_rtt() const {
  if (!conn_) return {};
  ngtcp2_conn_info info{};
  ngtcp2_conn_get_conn_info(conn_, &info);
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::nanoseconds(info.smoothed_rtt));
}

Result<void> Ngtcp2Connection::migrate(bool immediate) {
  if (!conn_ || server_ || state_ != State::established) {
    return Error(ErrorCode::invalid_argument, "rebind: not an established client connection");
  }
  const ngtcp2_path* const old_path = ngtcp2_conn_get_path(conn_);
  const SocketAddress remote(old_path->remote.addr, old_path->remote.addrlen);
  Result<UdpSocket> socket = UdpSocket::connect(executor_, remote.endpoint());
  if (!socket) return socket.error();
  const SocketAddress local = socket->local();
  const ngtcp2_path path = make_path(local, remote);
  const ngtcp2_tstamp time = now();
  const int code = immediate ? ngtcp2_conn_initiate_immediate_migration(conn_, &path, time)
                             : ngtcp2_conn_initiate_migration(conn_, &path, time);
  if (code != 0) {
    return Error(ErrorCode::unavailable, std::string("the connection cannot migrate now: ") + ngtcp2_strerror(code));
  }
  // Attempts that follow each other faster than paths are validated must not pile up sockets.
  const ngtcp2_path* const current = ngtcp2_conn_get_path(conn_);
  if (endpoint_->socket_count() > 2)
    endpoint_->keep_only_socket(SocketAddress(current->local.addr, current->local.addrlen));
  endpoint_->add_socket(std::move(*socket));
  endpoint_->flush_soon(*this);
  return {};
}

Result<void> Ngtcp2Connection::update_keys() {
  const int code = conn_ ? ngtcp2_conn_initiate_key_update(conn_, now()) : NGTCP2_ERR_INVALID_STATE;
  if (code != 0) return Error(ErrorCode::unavailable, std::string("key update: ") + ngtcp2_strerror(code));
  endpoint_->flush_soon(*this);
  return {};
}

// --- the end

// Code and reason of the CONNECTION_CLOSE that came.
Error Ngtcp2Connection::peer_close_error() const {
  if (stateless_reset_) {
    return Error(ErrorCode::unavailable, "the peer no longer knows the connection; it may have restarted");
  }
  const ngtcp2_ccerr* const error = ngtcp2_conn_get_ccerr(conn_);
  std::string reason(reinterpret_cast<const char*>(error->reason), error->reason ? error->reasonlen : 0);
  const auto with_reason = [&](std::string text) { return reason.empty() ? text : text + ": " + reason; };
  if (error->type == NGTCP2_CCERR_TYPE_APPLICATION) {
    if (error->error_code == close_code_refused) {
      return Error(ErrorCode::permission_denied, reason.empty() ? "the peer refused the connection" : reason);
    }
    return Error(ErrorCode::cancelled,
                 with_reason("the peer closed the connection (code " + std::to_string(error->error_code) + ")"));
  }
  if (error->error_code >= NGTCP2_CRYPTO_ERROR && error->error_code < NGTCP2_CRYPTO_ERROR + 256) {
    const auto alert = static_cast<unsigned>(error->error_code - NGTCP2_CRYPTO_ERROR);
    return Error(ErrorCode::unauthenticated,
                 with_reason("the peer refused the TLS handshake: " + tls_alert_name(alert)));
  }
  if (error->error_code == NGTCP2_NO_ERROR)
    return Error(ErrorCode::cancelled, with_reason("the peer closed the connection"));
  if (error->error_code == NGTCP2_CONNECTION_REFUSED) {
    return Error(ErrorCode::unavailable, with_reason("the peer takes no connections now"));
  }
  return Error(ErrorCode::protocol,
               with_reason("the peer ended the connection with QUIC error " + std::to_string(error->error_code)));
}

// What `code`, from ngtcp2, means when it is we who give up.
Error Ngtcp2Connection::read_error(int code) const {
  switch (code) {
    case NGTCP2_ERR_IDLE_CLOSE:
      return Error(ErrorCode::timeout, "the peer has been silent for too long");
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
      return Error(ErrorCode::timeout, "the peer did not answer in time");
    case NGTCP2_ERR_CRYPTO: {
      const std::string failure = tls_ ? tls_->verification_failure() : std::string();
      if (!failure.empty()) {
        return Error(ErrorCode::unauthenticated, std::string(server_ ? "the client's" : "the server's") +
                                                     " certificate does not verify: " + failure);
      }
      return Error(ErrorCode::unauthenticated,
                   "the TLS handshake failed: " + tls_alert_name(ngtcp2_conn_get_tls_alert(conn_)));
    }
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
      return Error(ErrorCode::unsupported, "the peer does not speak QUIC version 1");
    case NGTCP2_ERR_NO_VIABLE_PATH:
      return Error(ErrorCode::unavailable, "no network path leads to the peer any more");
    default:
      return Error(ErrorCode::protocol, std::string("QUIC: ") + ngtcp2_strerror(code));
  }
}

void Ngtcp2Connection::fail_with(int code) {
  const Error error = read_error(code);
  if (code == NGTCP2_ERR_IDLE_CLOSE || code == NGTCP2_ERR_DROP_CONN || code == NGTCP2_ERR_RETRY) {
    end(State::over, error, error, true);
    return;
  }
  ngtcp2_ccerr close;
  const auto* const reason = reinterpret_cast<const std::uint8_t*>(error.detail.data());
  const std::size_t reason_size = std::min(error.detail.size(), max_reason_bytes);
  if (code == NGTCP2_ERR_CRYPTO) {
    ngtcp2_ccerr_set_tls_alert(&close, ngtcp2_conn_get_tls_alert(conn_), reason, reason_size);
  } else {
    ngtcp2_ccerr_set_liberr(&close, code, nullptr, 0);
  }
  send_close(close);
  end(State::closing, error, error, true);
}

void Ngtcp2Connection::send_close(const ngtcp2_ccerr& error) {
  std::array<std::uint8_t, NGTCP2_MAX_UDP_PAYLOAD_SIZE> packet;
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&path);
  const ngtcp2_ssize size =
      ngtcp2_conn_write_connection_close(conn_, &path.path, nullptr, packet.data(), packet.size(), &error, now());
  if (size <= 0) return;
  close_packet_.assign(packet.begin(), packet.begin() + size);
  endpoint_->send(close_packet_, close_packet_.size(), SocketAddress(path.path.local.addr, path.path.local.addrlen),
                  SocketAddress(path.path.remote.addr, path.path.remote.addrlen));
}

void Ngtcp2Connection::end(State state, Error reason, Error stream_error, bool keep_complete) {
  if (reason_) return;
  const auto self = shared_from_this();
  const ngtcp2_duration three_ptos = 3 * ngtcp2_conn_get_pto(conn_);
  remote_ = SocketAddress(remote_endpoint());
  reason_ = std::move(reason);
  stream_error_ = std::move(stream_error);
  state_ = state;
  send_queue_.clear();
  for (const auto& [id, stream] : streams_)
    stream->on_connection_over(*stream_error_, keep_complete);
  streams_.clear();
  if (!keep_complete) incoming_.clear();
  ngtcp2_conn_del(std::exchange(conn_, nullptr));
  tls_.reset();
  if (const auto acceptor = std::exchange(acceptor_, nullptr)) acceptor->on_connection_over(*this);
  incoming_event_.notify();
  established_event_.notify();
  closed_event_.notify();
  const bool answers = state_ == State::closing && !close_packet_.empty();
  // A draining client needs nothing more: its socket goes, and with it every late packet.
  const bool swallows = state_ == State::draining && server_;
  if (answers || swallows) {
    endpoint_->set_deadline(*this, now() + (server_ ? three_ptos : std::min(three_ptos, max_client_closing)));
  } else {
    forget();
  }
}

void Ngtcp2Connection::forget() {
  state_ = State::over;
  close_packet_ = {};
  Endpoint* const endpoint = std::exchange(endpoint_, nullptr);
  if (!endpoint) return;
  for (const ngtcp2_cid& id : ids_)
    endpoint->remove_connection_id(id);
  ids_ = {};
  endpoint->remove(*this);
}

void Ngtcp2Connection::on_endpoint_gone() noexcept {
  endpoint_ = nullptr;
  acceptor_.reset();
  state_ = State::over;
  if (!reason_) reason_ = stream_error_ = Error(ErrorCode::cancelled, "the event loop has ended");
  send_queue_.clear();
  for (const auto& [id, stream] : streams_)
    stream->detach();
  streams_.clear();
  if (conn_) ngtcp2_conn_del(std::exchange(conn_, nullptr));
  tls_.reset();
}

}  // namespace gogrid::net::quic
