// The server's side: first packets become connections, or get a Retry, a version negotiation, a refusal or a stateless
// reset.
#include <ngtcp2/ngtcp2_crypto.h>

#include <algorithm>
#include <array>
#include <list>
#include <unordered_map>
#include <utility>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/sha256.hpp"
#include "net/quic/connection.hpp"
#include "net/source.hpp"

namespace gogrid::net::quic {
namespace {

namespace asio = boost::asio;

// RFC 9000 §14.1: a datagram with a client's first packet is at least this long.
constexpr std::size_t min_initial_bytes = 1200;
constexpr ngtcp2_duration retry_token_lifetime = 10'000'000'000;
constexpr std::size_t max_stateless_reset_bytes = 43;
constexpr std::size_t min_stateless_reset_bytes = NGTCP2_MIN_STATELESS_RESET_RANDLEN + NGTCP2_STATELESS_RESET_TOKENLEN;

const std::uint8_t* data_of(const std::string& text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

class ListenerState final : public Acceptor, public std::enable_shared_from_this<ListenerState> {
 public:
  ListenerState(Endpoint& endpoint, ListenOptions options, std::shared_ptr<const TlsCredentials> credentials)
      : endpoint_(&endpoint),
        executor_(endpoint.executor()),
        options_(std::move(options)),
        credentials_(std::move(credentials)),
        retry_secret_(random_bytes(32)) {
    if (options_.reset_secret.empty()) options_.reset_secret = random_bytes(32);
    reset_secret_ = *from_hex(Sha256::hex(as_bytes("gogrid stateless reset\n" + options_.reset_secret)));
    options_.reset_secret.clear();
    options_.credentials = {};
  }

  asio::awaitable<Result<std::shared_ptr<Connection>>> accept() {
    const auto self = shared_from_this();
    for (;;) {
      if (!ready_.empty()) {
        std::shared_ptr<Connection> connection = std::move(ready_.front());
        ready_.pop_front();
        forget_pending(connection.get());
        co_return connection;
      }
      if (closed_) co_return Error(ErrorCode::cancelled, "the listener was closed");
      const bool woken = co_await ready_event_.wait(executor_);
      if (!woken) co_return Error(ErrorCode::cancelled, "accept: cancelled");
    }
  }

  void set_credentials(std::shared_ptr<const TlsCredentials> credentials) { credentials_ = std::move(credentials); }

  void close() {
    if (closed_) return;
    const auto self = shared_from_this();
    closed_ = true;
    // Those that nobody accepted go with the listener.
    const auto unclaimed = std::exchange(ready_, {});
    ready_event_.notify();
  }

  void on_unknown_packet(const Packet& packet) override;
  void on_established(Ngtcp2Connection& connection) override;
  void on_connection_over(Ngtcp2Connection& connection) override;
  void on_endpoint_gone() override { endpoint_ = nullptr; }

 private:
  struct Pending {
    Ngtcp2Connection* connection;
    std::uint64_t source;
  };
  void forget_pending(const Connection* connection) {
    pending_.remove_if([&](const Pending& pending) { return pending.connection == connection; });
  }
  std::size_t pending_of(std::uint64_t source) const {
    return static_cast<std::size_t>(std::count_if(pending_.begin(), pending_.end(),
                                                  [&](const Pending& pending) { return pending.source == source; }));
  }
  void end_oldest_of_largest_source();
  void accept_initial(const ngtcp2_pkt_hd& initial, const Packet& packet);
  void negotiate_version(const ngtcp2_version_cid& header, const Packet& packet);
  void send_retry(const ngtcp2_pkt_hd& initial, const Packet& packet);
  void send_close(const ngtcp2_pkt_hd& initial, const Packet& packet, std::uint64_t code);
  void send_stateless_reset(const ngtcp2_version_cid& header, const Packet& packet);
  void reply(const Packet& packet, std::span<const std::uint8_t> bytes) {
    endpoint_->send(bytes, bytes.size(), packet.local, packet.remote);
  }

  Endpoint* endpoint_;
  asio::any_io_executor executor_;
  ListenOptions options_;
  std::shared_ptr<const TlsCredentials> credentials_;
  std::string retry_secret_;
  std::string reset_secret_;
  // From the first packet to accept(), the oldest first: what max_handshakes bounds.
  std::list<Pending> pending_;
  std::list<std::shared_ptr<Connection>> ready_;
  Event ready_event_;
  bool closed_ = false;
};

void ListenerState::on_unknown_packet(const Packet& packet) {
  ngtcp2_version_cid header{};
  const auto* const data = packet.bytes.data();
  const int code = ngtcp2_pkt_decode_version_cid(&header, data, packet.bytes.size(), connection_id_bytes);
  if (code == NGTCP2_ERR_VERSION_NEGOTIATION) return negotiate_version(header, packet);
  if (code != 0) return;
  if (header.version == 0) return send_stateless_reset(header, packet);
  ngtcp2_pkt_hd initial{};
  if (packet.bytes.size() < min_initial_bytes || ngtcp2_accept(&initial, data, packet.bytes.size()) != 0) return;
  if (closed_) return send_close(initial, packet, NGTCP2_CONNECTION_REFUSED);
  accept_initial(initial, packet);
}

void ListenerState::accept_initial(const ngtcp2_pkt_hd& initial, const Packet& packet) {
  std::optional<ngtcp2_cid> original_id;
  if (initial.tokenlen > 0 && initial.token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2) {
    ngtcp2_cid id{};
    const int code = ngtcp2_crypto_verify_retry_token2(&id, initial.token, initial.tokenlen, data_of(retry_secret_),
                                                       retry_secret_.size(), initial.version, &packet.remote.base,
                                                       packet.remote.size, &initial.dcid, retry_token_lifetime, now());
    if (code != 0) return send_close(initial, packet, NGTCP2_INVALID_TOKEN);
    original_id = id;
  }
  const std::uint64_t source = source_of(packet.remote.endpoint().address());
  const std::size_t of_source = pending_of(source);
  // Under pressure only clients that receive at the address they send from may have state here.
  const bool pressure = pending_.size() >= options_.max_handshakes / 2 ||
                        of_source >= std::max<std::size_t>(options_.max_handshakes / 16, 1);
  if (!original_id && pressure) return send_retry(initial, packet);
  // One that comes too often waits: its packet is sent again.
  if (of_source >= std::max<std::size_t>(options_.max_handshakes / 4, 1)) return;
  if (pending_.size() >= options_.max_handshakes) end_oldest_of_largest_source();
  const Ngtcp2Connection::ServerSetup setup{initial,  packet,       original_id, credentials_, shared_from_this(),
                                            options_, reset_secret_};
  Result<std::shared_ptr<Ngtcp2Connection>> made = Ngtcp2Connection::make_server(*endpoint_, setup);
  if (!made) {
    log().error("QUIC: cannot start a connection: {}", made.error().detail);
    return;
  }
  pending_.push_back({made->get(), source});
  (*made)->on_packet(packet);
  (*made)->flush();
}

void ListenerState::end_oldest_of_largest_source() {
  std::unordered_map<std::uint64_t, std::size_t> counts;
  for (const Pending& pending : pending_)
    ++counts[pending.source];
  // The first of several maxima.
  const auto oldest = std::max_element(
      pending_.begin(), pending_.end(),
      [&](const Pending& left, const Pending& right) { return counts[left.source] < counts[right.source]; });
  // Takes it off the list.
  oldest->connection->shared_from_this()->close(0, "too many handshakes at a time");
}

void ListenerState::on_established(Ngtcp2Connection& connection) {
  auto handle = Ngtcp2Connection::make_handle(connection.shared_from_this());
  // If closed, the handle closes the connection here.
  if (closed_) return;
  ready_.push_back(std::move(handle));
  ready_event_.notify();
}

void ListenerState::on_connection_over(Ngtcp2Connection& connection) {
  const auto self = shared_from_this();
  forget_pending(&connection);
  ready_.remove_if([&](const auto& handle) { return handle.get() == &connection; });
}

void ListenerState::negotiate_version(const ngtcp2_version_cid& header, const Packet& packet) {
  if (packet.bytes.size() < min_initial_bytes) return;
  static constexpr std::array<std::uint32_t, 1> versions{NGTCP2_PROTO_VER_V1};
  std::array<std::uint8_t, 600> buffer;
  const std::string random = random_bytes(1);
  const auto size = ngtcp2_pkt_write_version_negotiation(buffer.data(), buffer.size(), data_of(random)[0], header.scid,
                                                         header.scidlen, header.dcid, header.dcidlen, versions.data(),
                                                         versions.size());
  if (size > 0) reply(packet, std::span(buffer).first(static_cast<std::size_t>(size)));
}

void ListenerState::send_retry(const ngtcp2_pkt_hd& initial, const Packet& packet) {
  const ngtcp2_cid id = endpoint_->unused_connection_id();
  std::array<std::uint8_t, NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN2> token;
  const auto token_size =
      ngtcp2_crypto_generate_retry_token2(token.data(), data_of(retry_secret_), retry_secret_.size(), initial.version,
                                          &packet.remote.base, packet.remote.size, &id, &initial.dcid, now());
  if (token_size < 0) return;
  std::array<std::uint8_t, 512> buffer;
  const auto size = ngtcp2_crypto_write_retry(buffer.data(), buffer.size(), initial.version, &initial.scid, &id,
                                              &initial.dcid, token.data(), static_cast<std::size_t>(token_size));
  if (size > 0) reply(packet, std::span(buffer).first(static_cast<std::size_t>(size)));
}

void ListenerState::send_close(const ngtcp2_pkt_hd& initial, const Packet& packet, std::uint64_t code) {
  std::array<std::uint8_t, 256> buffer;
  const auto size = ngtcp2_crypto_write_connection_close(buffer.data(), buffer.size(), initial.version, &initial.scid,
                                                         &initial.dcid, code, nullptr, 0);
  if (size > 0) reply(packet, std::span(buffer).first(static_cast<std::size_t>(size)));
}

// RFC 9000 §10.3: always smaller than what it answers, so that two endpoints cannot keep each other busy.
void ListenerState::send_stateless_reset(const ngtcp2_version_cid& header, const Packet& packet) {
  if (packet.bytes.size() <= min_stateless_reset_bytes || header.dcidlen != connection_id_bytes) return;
  ngtcp2_cid id{};
  ngtcp2_cid_init(&id, header.dcid, header.dcidlen);
  std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN> token;
  if (ngtcp2_crypto_generate_stateless_reset_token(token.data(), data_of(reset_secret_), reset_secret_.size(), &id) !=
      0) {
    return;
  }
  std::array<std::uint8_t, max_stateless_reset_bytes> buffer;
  const std::size_t limit = std::min(buffer.size(), packet.bytes.size() - 1);
  const std::string random = random_bytes(limit - token.size());
  const auto size =
      ngtcp2_pkt_write_stateless_reset(buffer.data(), limit, token.data(), data_of(random), random.size());
  if (size > 0) reply(packet, std::span(buffer).first(static_cast<std::size_t>(size)));
}

class Ngtcp2Listener final : public Listener {
 public:
  Ngtcp2Listener(std::shared_ptr<Endpoint> endpoint, std::shared_ptr<ListenerState> state)
      : endpoint_(std::move(endpoint)), state_(std::move(state)), local_(endpoint_->local().endpoint()) {}
  ~Ngtcp2Listener() override { Ngtcp2Listener::close(); }

  asio::awaitable<Result<std::shared_ptr<Connection>>> accept() override { return state_->accept(); }

  Result<void> set_credentials(const Credentials& credentials) override {
    Result<std::shared_ptr<const TlsCredentials>> loaded = load_credentials(credentials);
    if (!loaded) return loaded.error();
    state_->set_credentials(std::move(*loaded));
    return {};
  }

  asio::ip::udp::endpoint local_endpoint() const override { return local_; }

  void close() noexcept override {
    if (!endpoint_) return;
    state_->close();
    // The endpoint stays as long as connections need it.
    std::exchange(endpoint_, nullptr)->release_acceptor();
  }

 private:
  std::shared_ptr<Endpoint> endpoint_;
  std::shared_ptr<ListenerState> state_;
  asio::ip::udp::endpoint local_;
};

}  // namespace

Result<std::unique_ptr<Listener>> listen(asio::any_io_executor executor, ListenOptions options) {
  Result<std::shared_ptr<const TlsCredentials>> credentials = load_credentials(options.credentials);
  if (!credentials) return credentials.error();
  Result<UdpSocket> socket = UdpSocket::bind(executor, options.endpoint);
  if (!socket) return socket.error();
  auto endpoint = std::make_shared<Endpoint>(std::move(executor));
  endpoint->add_socket(std::move(*socket));
  auto state = std::make_shared<ListenerState>(*endpoint, std::move(options), std::move(*credentials));
  endpoint->set_acceptor(state);
  return std::unique_ptr<Listener>(std::make_unique<Ngtcp2Listener>(std::move(endpoint), std::move(state)));
}

}  // namespace gogrid::net::quic
