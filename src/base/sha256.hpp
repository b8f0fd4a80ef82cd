// SHA-256, over bytes as they stream by, and HMAC with it (RFC 2104). One owner, any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace gogrid {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  // The digest as 64 lower-case hexadecimal digits. Call once.
  std::string finish_hex();

  static std::string hex(std::span<const std::byte> bytes);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// 64 lower-case hexadecimal digits, as finish_hex() gives: what may stand in a path.
bool is_sha256(std::string_view text);

// 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view message);

}  // namespace gogrid
