#include "worker/identity.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "net/pki.hpp"

namespace gogrid::worker {
namespace {

constexpr std::size_t max_file_bytes = 64 * 1024;

Error damaged(const std::filesystem::path& directory, const std::string& why) {
  return Error(ErrorCode::invalid_argument, "the worker's identity in " + directory.string() + " is damaged (" + why +
                                                "); join again with `gogrid-worker join`");
}

Result<void> read_place(const std::filesystem::path& directory, Identity& identity) {
  auto text = read_file(directory / "worker.json", max_file_bytes);
  if (!text) return text.error();
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object()) return damaged(directory, "worker.json is not JSON");
  const auto id = json.find("worker_id");
  const auto host = json.find("host");
  const auto port = json.find("port");
  if (id == json.end() || !id->is_string() || host == json.end() || !host->is_string() || port == json.end() ||
      !port->is_number_unsigned() || port->get<std::uint64_t>() > 65535) {
    return damaged(directory, "worker.json lacks a field");
  }
  identity.worker_id = *id;
  identity.coordinator_host = *host;
  identity.coordinator_port = *port;
  return {};
}

}  // namespace

Result<Identity> load_identity(const std::filesystem::path& directory) {
  Identity identity;
  if (auto read = read_place(directory, identity); !read) return read.error();
  const std::pair<const char*, std::string*> files[] = {{"worker.key", &identity.private_key},
                                                        {"worker.pem", &identity.certificate_chain},
                                                        {"ca.pem", &identity.authority}};
  for (const auto& [name, target] : files) {
    auto text = read_file(directory / name, max_file_bytes);
    if (!text) return damaged(directory, text.error().detail);
    *target = std::move(*text);
  }
  if (auto pair = net::pki::check_pair(identity.certificate_chain, identity.private_key); !pair) {
    return damaged(directory, pair.error().detail);
  }
  return identity;
}

Result<void> store_identity(const std::filesystem::path& directory, const Identity& identity) {
  const std::filesystem::path fresh = directory.string() + ".new";
  std::error_code ignored;
  std::filesystem::remove_all(fresh, ignored);
  if (auto made = make_directories(fresh, 0700); !made) return made;
  const nlohmann::json place = {
      {"worker_id", identity.worker_id}, {"host", identity.coordinator_host}, {"port", identity.coordinator_port}};
  const std::tuple<const char*, std::string, mode_t> files[] = {{"worker.key", identity.private_key, 0600},
                                                                {"worker.pem", identity.certificate_chain, 0644},
                                                                {"ca.pem", identity.authority, 0644},
                                                                {"worker.json", place.dump(2) + "\n", 0644}};
  for (const auto& [name, text, mode] : files) {
    if (auto written = write_file_atomically(fresh / name, text, mode); !written) return written;
  }
  const bool replaces = std::filesystem::exists(directory, ignored);
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, directory.c_str(), replaces ? RENAME_EXCHANGE : 0) != 0) {
    return system_error("cannot store the identity in " + directory.string(), errno);
  }
  std::filesystem::remove_all(fresh, ignored);
  auto parent = open_file(directory.parent_path(), O_RDONLY | O_DIRECTORY);
  if (!parent) return parent.error();
  return sync_file(parent->get());
}

Result<void> store_certificate(const std::filesystem::path& directory, const std::string& certificate_chain) {
  return write_file_atomically(directory / "worker.pem", certificate_chain, 0644);
}

Result<CertificateTimes> certificate_times(const std::string& certificate_chain) {
  const auto info = net::pki::inspect(certificate_chain);
  if (!info) return info.error();
  CertificateTimes times;
  times.expires = info->not_after;
  times.renew = info->not_before + (info->not_after - info->not_before) * 2 / 3;
  return times;
}

}  // namespace gogrid::worker
