#include "coordinator/backup.hpp"

#include <fcntl.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <utility>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/sha256.hpp"
#include "coordinator/audit.hpp"
#include "coordinator/backup_archive.hpp"
#include "coordinator/blob_store.hpp"
#include "store/backup.hpp"
#include "store/open_store.hpp"

namespace gogrid::coordinator {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr const char* store_file = "gogrid.db";
constexpr const char* folders[] = {"files", "blobs"};
constexpr mode_t private_file = 0600;
constexpr std::size_t max_text_bytes = 1024 * 1024;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

Result<void> copy_synced(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (error) return system_error("cannot copy " + from.string(), error.value());
  auto copied = open_file(to, O_RDONLY);
  if (!copied) return copied.error();
  return sync_file(copied->get());
}

// Those that vanish meanwhile were removed by the coordinator.
Result<void> copy_folder(const fs::path& from, const fs::path& to) {
  if (!is_there(from)) return {};
  if (auto made = make_directories(to); !made) return made;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(from, error)) {
    std::error_code ignored;
    if (!file.is_regular_file(ignored)) continue;
    auto copied = copy_synced(file.path(), to / file.path().filename());
    if (!copied && is_there(file.path())) return copied;
  }
  if (error) return system_error(from.string(), error.value());
  return {};
}

Result<void> collect(const DataDir& data_dir, const std::string& store_url, const fs::path& to, bool with_blobs) {
  if (auto made = make_directories(to); !made) return made;
  if (auto stored = store::backup_store(store_url, data_dir.path(), to / store_file); !stored) return stored;
  const fs::path optional[] = {data_dir.config_file(), data_dir.webhook_key_file()};
  for (const fs::path& file : {data_dir.authority_file(), data_dir.authority_key_file(), optional[0], optional[1]}) {
    if ((file == optional[0] || file == optional[1]) && !is_there(file)) continue;
    if (auto copied = copy_synced(file, to / file.filename()); !copied) return copied;
  }
  for (const char* folder : folders) {
    if (std::string_view(folder) == "blobs" && !with_blobs) continue;
    if (auto copied = copy_folder(data_dir.path() / folder, to / folder); !copied) return copied;
  }
  return {};
}

Result<void> restore_text(const fs::path& from, const fs::path& to, mode_t mode) {
  const auto text = read_file(from, max_text_bytes);
  if (!text) return text.error();
  return write_file_atomically(to, *text, mode);
}

// In the restored store, where acts after the backup are missing.
Result<void> note_restored(const std::string& store_url, const DataDir& data_dir, const Clock& clock) {
  const auto store = store::open_store(store_url, data_dir.path());
  if (!store) return store.error();
  AuditLog audit(**store, clock);
  asio::io_context context(1);
  Result<void> noted;
  asio::co_spawn(context, audit.record(AuditLog::Act{std::string(local_actor), "store.restore", "", "{}"}),
                 [&](std::exception_ptr, Result<void> result) { noted = std::move(result); });
  context.run();
  return noted;
}

}  // namespace

Result<void> back_up(const DataDir& data_dir, const std::string& store_url, const fs::path& to, bool with_blobs) {
  if (is_there(to)) return Error(ErrorCode::conflict, to.string() + " is there already: choose another name");
  if (!is_there(data_dir.authority_file())) {
    return Error(ErrorCode::not_found,
                 data_dir.path().string() + " is not a coordinator's data directory: it has no ca.pem");
  }
  const std::string random = to_hex(as_bytes(random_bytes(4)));
  const fs::path collected = to.string() + "." + random + ".part";
  const fs::path packed = to.string() + "." + random + ".tar.part";
  const bool as_archive = to.extension() == ".tar";
  auto done = collect(data_dir, store_url, collected, with_blobs);
  if (done && as_archive) done = pack(collected, packed);
  std::error_code error;
  if (done) {
    fs::rename(as_archive ? packed : collected, to, error);
    done = error ? Result<void>(system_error("cannot write " + to.string(), error.value())) : sync_name(to);
  }
  fs::remove_all(collected, error);
  fs::remove(packed, error);
  return done;
}

Result<Backup> Backup::open(const fs::path& from, const fs::path& data_dir) {
  std::error_code error;
  Backup backup(from);
  if (!fs::is_directory(from, error)) {
    if (!is_there(from)) return Error(ErrorCode::not_found, "there is no " + from.string());
    backup.directory_ = data_dir.string() + "." + to_hex(as_bytes(random_bytes(4))) + ".unpacked";
    backup.unpacked_ = true;
    if (auto unpacked = unpack(from, backup.directory_); !unpacked) return unpacked.error();
  }
  for (const char* file : {store_file, "ca.pem", "ca.key"}) {
    if (is_there(backup.directory_ / file)) continue;
    return Error(ErrorCode::invalid_argument, from.string() + " is no backup: it has no " + file);
  }
  return backup;
}

Backup::Backup(Backup&& other) noexcept
    : directory_(std::move(other.directory_)), unpacked_(std::exchange(other.unpacked_, false)) {}

Backup::~Backup() {
  std::error_code ignored;
  if (unpacked_) fs::remove_all(directory_, ignored);
}

Result<void> restore(const Backup& backup, const DataDir& data_dir, const std::string& store_url, bool replace,
                     const Clock& clock) {
  const auto lock = data_dir.make_and_take();
  if (!lock) return lock.error();
  if (is_there(data_dir.authority_file()) && !replace) {
    return Error(ErrorCode::conflict,
                 data_dir.path().string() + " holds a coordinator already; say --replace to lose that one");
  }
  // Without it the directory does not start: no half of the old coordinator with a half of the new one.
  const fs::path old_authority = data_dir.authority_file().string() + ".old";
  std::error_code ignored;
  fs::rename(data_dir.authority_file(), old_authority, ignored);
  auto stored = store::restore_store(backup.directory() / store_file, store_url, data_dir.path(), replace);
  if (!stored) {
    fs::rename(old_authority, data_dir.authority_file(), ignored);
    return stored;
  }
  if (auto noted = note_restored(store_url, data_dir, clock); !noted) return noted;
  for (const char* folder : folders) {
    if (auto copied = copy_folder(backup.directory() / folder, data_dir.path() / folder); !copied) return copied;
  }
  if (is_there(backup.config_file()) && (replace || !is_there(data_dir.config_file()))) {
    if (auto copied = restore_text(backup.config_file(), data_dir.config_file(), private_file); !copied) return copied;
  }
  if (const fs::path key = backup.directory() / data_dir.webhook_key_file().filename(); is_there(key)) {
    if (auto copied = restore_text(key, data_dir.webhook_key_file(), private_file); !copied) return copied;
  }
  fs::remove(old_authority, ignored);
  auto key = restore_text(backup.directory() / "ca.key", data_dir.authority_key_file(), private_file);
  if (!key) return key;
  return restore_text(backup.directory() / "ca.pem", data_dir.authority_file(), 0644);
}

Result<std::vector<std::string>> check_blobs(const DataDir& data_dir, const std::string& store_url, bool hash) {
  const auto blobs = store::list_named_blobs(store_url, data_dir.path());
  if (!blobs) return blobs.error();
  const BlobStore files(data_dir.path());
  std::vector<std::string> findings;
  for (const auto& blob : *blobs) {
    const auto size_bytes = is_sha256(blob.sha256) ? files.blob_bytes(blob.sha256) : std::nullopt;
    const std::string file = blob.owner + ": its file " + blob.sha256;
    if (!size_bytes) {
      findings.push_back(file + " is missing");
    } else if (*size_bytes != blob.size_bytes) {
      findings.push_back(file + " has " + std::to_string(*size_bytes) + " bytes instead of " +
                         std::to_string(blob.size_bytes));
    } else if (hash) {
      const auto actual = sha256_of_file(files.blob_path(blob.sha256));
      if (!actual || *actual != blob.sha256) findings.push_back(file + " is damaged");
    }
  }
  return findings;
}

}  // namespace gogrid::coordinator
