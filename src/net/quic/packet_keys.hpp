// Keys of 1-RTT packets. A connection keeps the raw keys; the cipher contexts made of them, ten times as large, exist
// only for the keys that were used lately. So idle connections stay small (4 KB less each), and busy ones do not
// notice, however many. A cache belongs to an endpoint and outlives its connections; used on its executor's thread.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <cstdint>

namespace gogrid::net::quic {

class PacketKey;

// How a key is found among those with a context.
using PacketKeyHook = boost::intrusive::list_base_hook<>;

class PacketKeyCache {
 public:
  PacketKeyCache() = default;
  ~PacketKeyCache();
  PacketKeyCache(const PacketKeyCache&) = delete;
  PacketKeyCache& operator=(const PacketKeyCache&) = delete;

 private:
  friend class PacketKey;
  // The key used last comes first.
  boost::intrusive::list<PacketKeyHook> hot_;
};

// Derives the packet keys of `secret` (RFC 9001 §5.1) and gives them to ngtcp2; the cipher must be AES-GCM. 0, or -1.
int install_receive_key(ngtcp2_conn* conn, PacketKeyCache& cache, const std::uint8_t* secret, std::size_t size);
int install_send_key(ngtcp2_conn* conn, PacketKeyCache& cache, const std::uint8_t* secret, std::size_t size);

// ngtcp2's update_key (RFC 9001 §6.1).
int update_packet_keys(ngtcp2_conn* conn, PacketKeyCache& cache, std::uint8_t* receive_secret,
                       std::uint8_t* send_secret, ngtcp2_crypto_aead_ctx* receive_context, std::uint8_t* receive_iv,
                       ngtcp2_crypto_aead_ctx* send_context, std::uint8_t* send_iv,
                       const std::uint8_t* current_receive_secret, const std::uint8_t* current_send_secret,
                       std::size_t secret_size);

// Fills in encrypt, decrypt, hp_mask and the two delete callbacks: for these keys and for those of the handshake.
void set_packet_key_callbacks(ngtcp2_callbacks& callbacks);

}  // namespace gogrid::net::quic
