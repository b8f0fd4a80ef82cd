#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <array>
#include <cstring>
#include <memory>
#include <string_view>

#include "net/quic/endpoint.hpp"
#include "net/quic/packet_keys.hpp"

namespace gogrid::net::quic {
namespace {

// Contexts of an endpoint; four make a busy connection. Beyond the first number only those used within the last second,
// which those of busy connections are and those of idle ones are not, stay, and never more than the second.
constexpr std::size_t max_unused_keys = 256;
constexpr std::size_t max_hot_keys = 4096;
constexpr ngtcp2_tstamp use_time = 1'000'000'000;
constexpr std::size_t iv_bytes = 12;
constexpr std::size_t aes_block_bytes = 16;

enum class Use : std::uint8_t { packet, header };

}  // namespace

class PacketKey final : public PacketKeyHook {
 public:
  PacketKey(PacketKeyCache& cache, Use use, const std::uint8_t* key, std::size_t size)
      : cache_(cache), use_(use), size_(static_cast<std::uint8_t>(size)) {
    std::memcpy(key_.data(), key, size);
  }
  ~PacketKey() {
    cool();
    gnutls_memset(key_.data(), 0, key_.size());
  }
  PacketKey(const PacketKey&) = delete;
  PacketKey& operator=(const PacketKey&) = delete;

  // A handle to GnuTLS's context, made if need be; null if GnuTLS fails.
  void* context() {
    used_at_ = now();
    if (is_linked()) {
      cache_.hot_.splice(cache_.hot_.begin(), cache_.hot_, cache_.hot_.iterator_to(*this));
      return context_;
    }
    warm();
    if (!context_) return nullptr;
    cache_.hot_.push_front(*this);
    while (cache_.hot_.size() > max_unused_keys) {
      auto& oldest = static_cast<PacketKey&>(cache_.hot_.back());
      if (cache_.hot_.size() <= max_hot_keys && used_at_ - oldest.used_at_ < use_time) break;
      oldest.cool();
    }
    return context_;
  }

  void cool() {
    if (is_linked()) cache_.hot_.erase(cache_.hot_.iterator_to(*this));
    if (!context_) return;
    if (use_ == Use::packet) {
      gnutls_aead_cipher_deinit(static_cast<gnutls_aead_cipher_hd_t>(context_));
    } else {
      gnutls_cipher_deinit(static_cast<gnutls_cipher_hd_t>(context_));
    }
    context_ = nullptr;
  }

  // In ngtcp2's native_handle the lowest bit tells our keys from ngtcp2's own contexts.
  void* tagged() { return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(this) | 1U); }
  static PacketKey* from(void* native_handle) {
    const auto value = reinterpret_cast<std::uintptr_t>(native_handle);
    return (value & 1U) != 0 ? reinterpret_cast<PacketKey*>(value - 1U) : nullptr;
  }

 private:
  void warm() {
    const gnutls_datum_t key{key_.data(), size_};
    const bool large = size_ == 32;
    if (use_ == Use::packet) {
      gnutls_aead_cipher_hd_t handle = nullptr;
      const auto cipher = large ? GNUTLS_CIPHER_AES_256_GCM : GNUTLS_CIPHER_AES_128_GCM;
      if (gnutls_aead_cipher_init(&handle, cipher, &key) == 0) context_ = handle;
    } else {
      // One block of CBC with an IV of zeros is ECB, which GnuTLS does not offer.
      std::array<unsigned char, aes_block_bytes> zeros{};
      const gnutls_datum_t iv{zeros.data(), static_cast<unsigned>(zeros.size())};
      gnutls_cipher_hd_t handle = nullptr;
      if (gnutls_cipher_init(&handle, large ? GNUTLS_CIPHER_AES_256_CBC : GNUTLS_CIPHER_AES_128_CBC, &key, &iv) == 0) {
        context_ = handle;
      }
    }
  }

  PacketKeyCache& cache_;
  void* context_ = nullptr;
  ngtcp2_tstamp used_at_ = 0;
  const Use use_;
  const std::uint8_t size_;
  std::array<std::uint8_t, 32> key_{};
};

PacketKeyCache::~PacketKeyCache() {
  while (!hot_.empty())
    static_cast<PacketKey&>(hot_.front()).cool();
}

namespace {

// HKDF-Expand-Label of RFC 8446 §7.1 with an empty context.
bool expand_label(const ngtcp2_crypto_md& hash, const std::uint8_t* secret, std::size_t secret_size,
                  std::string_view label, std::uint8_t* result, std::size_t result_size) {
  static constexpr std::string_view prefix = "tls13 ";
  std::array<std::uint8_t, 32> info{};
  std::size_t size = 0;
  info[size++] = static_cast<std::uint8_t>(result_size >> 8);
  info[size++] = static_cast<std::uint8_t>(result_size);
  info[size++] = static_cast<std::uint8_t>(prefix.size() + label.size());
  for (const char c : prefix)
    info[size++] = static_cast<std::uint8_t>(c);
  for (const char c : label)
    info[size++] = static_cast<std::uint8_t>(c);
  info[size++] = 0;
  return ngtcp2_crypto_hkdf_expand(result, result_size, &hash, secret, secret_size, info.data(), size) == 0;
}

// A key for packets or for their headers, from a traffic secret.
std::unique_ptr<PacketKey> derive(ngtcp2_conn* conn, PacketKeyCache& cache, Use use, const std::uint8_t* secret,
                                  std::size_t size) {
  const ngtcp2_crypto_ctx* const suite = ngtcp2_conn_get_crypto_ctx(conn);
  const std::size_t key_size = ngtcp2_crypto_aead_keylen(&suite->aead);
  std::array<std::uint8_t, 32> key;
  if (key_size > key.size()) return nullptr;
  const std::string_view label = use == Use::packet ? "quic key" : "quic hp";
  if (!expand_label(suite->md, secret, size, label, key.data(), key_size)) return nullptr;
  auto result = std::make_unique<PacketKey>(cache, use, key.data(), key_size);
  gnutls_memset(key.data(), 0, key.size());
  return result;
}

bool derive_iv(ngtcp2_conn* conn, const std::uint8_t* secret, std::size_t size, std::uint8_t* iv) {
  return expand_label(ngtcp2_conn_get_crypto_ctx(conn)->md, secret, size, "quic iv", iv, iv_bytes);
}

using Install = int (*)(ngtcp2_conn*, const std::uint8_t*, std::size_t, const ngtcp2_crypto_aead_ctx*,
                        const std::uint8_t*, std::size_t, const ngtcp2_crypto_cipher_ctx*);

int install(Install function, ngtcp2_conn* conn, PacketKeyCache& cache, const std::uint8_t* secret, std::size_t size) {
  auto packet = derive(conn, cache, Use::packet, secret, size);
  auto header = derive(conn, cache, Use::header, secret, size);
  std::array<std::uint8_t, iv_bytes> iv;
  if (!packet || !header || !derive_iv(conn, secret, size, iv.data())) return -1;
  ngtcp2_crypto_aead_ctx packet_context{packet->tagged()};
  ngtcp2_crypto_cipher_ctx header_context{header->tagged()};
  if (function(conn, secret, size, &packet_context, iv.data(), iv.size(), &header_context) != 0) return -1;
  // They are ngtcp2's now, which has them deleted.
  (void)packet.release();
  (void)header.release();
  return 0;
}

std::unique_ptr<PacketKey> next(ngtcp2_conn* conn, PacketKeyCache& cache, const std::uint8_t* current, std::size_t size,
                                std::uint8_t* secret, std::uint8_t* iv) {
  if (!expand_label(ngtcp2_conn_get_crypto_ctx(conn)->md, current, size, "quic ku", secret, size)) return nullptr;
  if (!derive_iv(conn, secret, size, iv)) return nullptr;
  return derive(conn, cache, Use::packet, secret, size);
}

// What ngtcp2's own functions want: the context itself.
bool resolve(const ngtcp2_crypto_aead_ctx* context, ngtcp2_crypto_aead_ctx& resolved) {
  resolved = *context;
  if (PacketKey* const key = PacketKey::from(context->native_handle)) resolved.native_handle = key->context();
  return resolved.native_handle != nullptr;
}

int encrypt(std::uint8_t* result, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* context,
            const std::uint8_t* text, std::size_t text_size, const std::uint8_t* nonce, std::size_t nonce_size,
            const std::uint8_t* header, std::size_t header_size) {
  ngtcp2_crypto_aead_ctx resolved{};
  if (!resolve(context, resolved)) return NGTCP2_ERR_CALLBACK_FAILURE;
  return ngtcp2_crypto_encrypt_cb(result, aead, &resolved, text, text_size, nonce, nonce_size, header, header_size);
}

int decrypt(std::uint8_t* result, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* context,
            const std::uint8_t* text, std::size_t text_size, const std::uint8_t* nonce, std::size_t nonce_size,
            const std::uint8_t* header, std::size_t header_size) {
  ngtcp2_crypto_aead_ctx resolved{};
  if (!resolve(context, resolved)) return NGTCP2_ERR_CALLBACK_FAILURE;
  return ngtcp2_crypto_decrypt_cb(result, aead, &resolved, text, text_size, nonce, nonce_size, header, header_size);
}

int header_mask(std::uint8_t* result, const ngtcp2_crypto_cipher* cipher, const ngtcp2_crypto_cipher_ctx* context,
                const std::uint8_t* sample) {
  PacketKey* const key = PacketKey::from(context->native_handle);
  if (!key) return ngtcp2_crypto_hp_mask_cb(result, cipher, context, sample);
  auto* const handle = static_cast<gnutls_cipher_hd_t>(key->context());
  if (!handle) return NGTCP2_ERR_CALLBACK_FAILURE;
  // RFC 9001 §5.4.3: the first bytes of the encrypted sample.
  std::array<std::uint8_t, aes_block_bytes> zeros{};
  std::array<std::uint8_t, aes_block_bytes> block;
  gnutls_cipher_set_iv(handle, zeros.data(), zeros.size());
  if (gnutls_cipher_encrypt2(handle, sample, block.size(), block.data(), block.size()) != 0) {
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }
  std::memcpy(result, block.data(), NGTCP2_HP_MASKLEN);
  return 0;
}

void delete_packet_context(ngtcp2_conn* conn, ngtcp2_crypto_aead_ctx* context, void* user_data) {
  if (PacketKey* const key = PacketKey::from(context->native_handle)) {
    delete key;
  } else {
    ngtcp2_crypto_delete_crypto_aead_ctx_cb(conn, context, user_data);
  }
}

void delete_header_context(ngtcp2_conn* conn, ngtcp2_crypto_cipher_ctx* context, void* user_data) {
  if (PacketKey* const key = PacketKey::from(context->native_handle)) {
    delete key;
  } else {
    ngtcp2_crypto_delete_crypto_cipher_ctx_cb(conn, context, user_data);
  }
}

}  // namespace

int install_receive_key(ngtcp2_conn* conn, PacketKeyCache& cache, const std::uint8_t* secret, std::size_t size) {
  return install(ngtcp2_conn_install_rx_key, conn, cache, secret, size);
}

int install_send_key(ngtcp2_conn* conn, PacketKeyCache& cache, const std::uint8_t* secret, std::size_t size) {
  return install(ngtcp2_conn_install_tx_key, conn, cache, secret, size);
}

int update_packet_keys(ngtcp2_conn* conn, PacketKeyCache& cache, std::uint8_t* receive_secret,
                       std::uint8_t* send_secret, ngtcp2_crypto_aead_ctx* receive_context, std::uint8_t* receive_iv,
                       ngtcp2_crypto_aead_ctx* send_context, std::uint8_t* send_iv,
                       const std::uint8_t* current_receive_secret, const std::uint8_t* current_send_secret,
                       std::size_t secret_size) {
  auto receive = next(conn, cache, current_receive_secret, secret_size, receive_secret, receive_iv);
  auto send = next(conn, cache, current_send_secret, secret_size, send_secret, send_iv);
  if (!receive || !send) return -1;
  receive_context->native_handle = receive.release()->tagged();
  send_context->native_handle = send.release()->tagged();
  return 0;
}

void set_packet_key_callbacks(ngtcp2_callbacks& callbacks) {
  callbacks.encrypt = encrypt;
  callbacks.decrypt = decrypt;
  callbacks.hp_mask = header_mask;
  callbacks.delete_crypto_aead_ctx = delete_packet_context;
  callbacks.delete_crypto_cipher_ctx = delete_header_context;
}

}  // namespace gogrid::net::quic
