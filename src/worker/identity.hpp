// Identity: the worker's key and certificate, the authority it trusts, and where its coordinator is. Kept below the
// state directory; the key never leaves the machine. Blocking; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace gogrid::worker {

struct Identity {
  std::string worker_id;
  std::string coordinator_host;
  std::uint16_t coordinator_port = 0;
  // PEM texts.
  std::string private_key;
  std::string certificate_chain;
  std::string authority;
};

// not_found when the worker has not joined; invalid_argument when what is there is damaged.
Result<Identity> load_identity(const std::filesystem::path& directory);

// Replaces the whole directory at once, so that a crash leaves the old or the new identity.
Result<void> store_identity(const std::filesystem::path& directory, const Identity& identity);

// A renewed certificate for the same key.
Result<void> store_certificate(const std::filesystem::path& directory, const std::string& certificate_chain);

struct CertificateTimes {
  std::chrono::system_clock::time_point expires;
  // After two thirds of the lifetime.
  std::chrono::system_clock::time_point renew;
};
Result<CertificateTimes> certificate_times(const std::string& certificate_chain);

}  // namespace gogrid::worker
