#include "worker/cache/blob_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/blocking.hpp"
#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/sha256.hpp"
#include "net/byte_range.hpp"
#include "net/http_client.hpp"
#include "net/pki.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::size_t part_bytes = 256 * 1024;
constexpr std::size_t max_error_body_bytes = 16 * 1024;
constexpr std::chrono::milliseconds server_timeout{30'000};
constexpr std::uint64_t one_gib = 1ull << 30;

// Between two of them the loop's other work on the pool has its turn.
constexpr std::size_t check_step_bytes = 4 * 1024 * 1024;

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Result<DiskSpace> disk_space(const std::filesystem::path& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return system_error(path.string(), errno);
  DiskSpace space;
  space.free_bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  space.total_bytes = static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize;
  return space;
}

std::uint64_t reserved_bytes(const DiskSpace& space) { return std::min(one_gib, space.total_bytes / 20); }

Error no_room(const std::filesystem::path& directory, const std::string& why) {
  return Error(ErrorCode::disk_full, "not enough room in " + directory.string() + ": " + why +
                                         "; free some, or set worker.cache_dir to a larger disk");
}

// A file that is on its way and its running digest. Shared with the pool while it works on it.
struct BlobCache::Download {
  BlobSpec blob;
  std::filesystem::path path;
  std::function<void(std::uint64_t)> progress;
  // Open once what was there is hashed.
  FileDescriptor file;
  Sha256 digest;
  std::uint64_t have_bytes = 0;
};

BlobCache::BlobCache(asio::any_io_executor executor, asio::thread_pool& pool, std::filesystem::path directory,
                     DiskSpaceFunction space)
    : executor_(executor),
      pool_(pool),
      directory_(std::move(directory)),
      space_(std::move(space)),
      finished_(executor),
      resumed_(executor) {}

void BlobCache::set_paused(bool paused) {
  paused_ = paused;
  resumed_.notify();
}

void BlobCache::set_source(std::optional<BlobSource> source) { source_ = std::move(source); }

void BlobCache::remove(const std::string& sha256) {
  trusted_.erase(sha256);
  ::unlink(path_of(sha256).c_str());
}

asio::awaitable<Result<std::filesystem::path>> BlobCache::fetch(BlobSpec blob,
                                                                std::function<void(std::uint64_t)> progress) {
  if (!is_sha256(blob.sha256))
    co_return Error(ErrorCode::protocol, "the coordinator sent a file's name that is no SHA-256");
  while (active_.contains(blob.sha256))
    co_await finished_.wait();
  struct Active {
    Active(BlobCache& its_cache, const std::string& its_name) : cache(its_cache), name(its_name) {
      cache.active_.insert(name);
    }
    ~Active() {
      cache.active_.erase(name);
      cache.finished_.notify();
    }
    BlobCache& cache;
    std::string name;
  } active(*this, blob.sha256);
  co_return co_await fetch_once(blob, std::move(progress));
}

asio::awaitable<Result<std::filesystem::path>> BlobCache::fetch_once(BlobSpec blob,
                                                                     std::function<void(std::uint64_t)> progress) {
  const auto path = path_of(blob.sha256);
  const auto stored = co_await is_stored(blob, progress);
  if (!stored) co_return stored.error();
  if (*stored) {
    progress(blob.size_bytes);
    co_return path;
  }
  constexpr int attempts = 2;
  for (int attempt = 1; attempt <= attempts; ++attempt) {
    const auto download = find_download(blob);
    download->progress = progress;
    auto received = co_await this->download(download);
    if (!received) co_return received.error();
    downloads_.erase(blob.sha256);
    auto verified = co_await complete(download);
    if (!verified) co_return verified.error();
    if (*verified) {
      if (const auto stamp = stamp_of(path)) trusted_.insert_or_assign(blob.sha256, *stamp);
      co_return path;
    }
    log().warn("blob {} did not have its SHA-256 and was deleted (attempt {} of {})", blob.sha256, attempt, attempts);
  }
  co_return Error(ErrorCode::protocol,
                  "the file " + blob.sha256 + " arrived twice with a wrong SHA-256; it is damaged on the coordinator");
}

void BlobCache::set_wanted(std::set<std::string> sha256s) {
  wanted_ = std::move(sha256s);
  std::erase_if(downloads_,
                [this](const auto& entry) { return !wanted_.contains(entry.first) && !active_.contains(entry.first); });
  trim();
}

void BlobCache::trim() {
  if (quota_bytes_ > 0) evict([this] { return used_bytes() <= quota_bytes_; });
}

std::shared_ptr<BlobCache::Download> BlobCache::find_download(const BlobSpec& blob) {
  auto& download = downloads_[blob.sha256];
  if (download && download->blob == blob) return download;
  download = std::make_shared<Download>();
  download->blob = blob;
  download->path = partial_path_of(blob.sha256);
  // What a restart left: hashed when it is opened.
  struct stat info {};
  if (::stat(download->path.c_str(), &info) == 0 && static_cast<std::uint64_t>(info.st_size) <= blob.size_bytes)
    download->have_bytes = static_cast<std::uint64_t>(info.st_size);
  return download;
}

// Whether the rest can come at all.
Result<void> BlobCache::check(const Download& download) {
  if (download.have_bytes == download.blob.size_bytes) return {};
  if (!source_) return Error(ErrorCode::unavailable, "not connected to the coordinator");
  return make_room(download);
}

asio::awaitable<Result<void>> BlobCache::download(std::shared_ptr<Download> download) {
  while (paused_)
    co_await resumed_.wait();
  if (auto checked = check(*download); !checked) co_return checked;
  if (!download->file) {
    auto opened = co_await open_partial(download);
    if (!opened) co_return opened;
    if (auto checked = check(*download); !checked) co_return checked;
  }
  download->progress(download->have_bytes);
  if (download->have_bytes == download->blob.size_bytes) co_return Result<void>();
  auto received = co_await receive(download);
  if (!received && received.error().code == ErrorCode::disk_full)
    co_return no_room(directory_, received.error().detail);
  co_return received;
}

// Hashes what an earlier life of this worker left.
asio::awaitable<Result<void>> BlobCache::open_partial(std::shared_ptr<Download> download) {
  // Told to the loop's thread at the end, which reads what the downloads have meanwhile.
  struct Opened {
    FileDescriptor file;
    Sha256 digest;
    std::uint64_t have_bytes = 0;
  };
  auto work = [path = download->path, size_bytes = download->blob.size_bytes,
               stopping = stopping_]() -> Result<Opened> {
    auto file = open_file(path, O_RDWR | O_CREAT, 0600);
    if (!file) return file.error();
    Opened opened;
    std::vector<std::byte> buffer(part_bytes);
    for (;;) {
      auto count = read_fully(file->get(), buffer);
      if (!count) return count.error();
      opened.digest.update(std::span(buffer).first(*count));
      opened.have_bytes += *count;
      if (*count < buffer.size()) break;
      if (*stopping) return Error(ErrorCode::cancelled, "the worker is stopping");
      if (opened.have_bytes > size_bytes) break;
    }
    if (opened.have_bytes > size_bytes) {
      if (::ftruncate(file->get(), 0) != 0 || ::lseek(file->get(), 0, SEEK_SET) != 0)
        return system_error("ftruncate", errno);
      opened.digest = Sha256();
      opened.have_bytes = 0;
    }
    opened.file = std::move(*file);
    return opened;
  };
  auto opened = co_await run_blocking(pool_, std::move(work));
  if (!opened) co_return opened.error();
  download->file = std::move(opened->file);
  download->digest = std::move(opened->digest);
  download->have_bytes = opened->have_bytes;
  co_return Result<void>();
}

// What the other downloads will still take.
std::uint64_t BlobCache::promised_bytes(const Download* but_for) const {
  std::uint64_t bytes = 0;
  for (const auto& [sha256, download] : downloads_) {
    if (download.get() != but_for && active_.contains(sha256))
      bytes += download->blob.size_bytes - download->have_bytes;
  }
  return bytes;
}

Result<std::uint64_t> BlobCache::room_bytes() const {
  auto space = space_(directory_);
  if (!space) return space.error();
  const std::uint64_t taken = reserved_bytes(*space) + promised_bytes(nullptr);
  return space->free_bytes > taken ? space->free_bytes - taken : 0;
}

std::vector<BlobCache::StoredFile> BlobCache::stored_files() const {
  std::vector<StoredFile> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    const std::string name = entry.path().filename().string();
    StoredFile file;
    file.sha256 = name.substr(0, name.find('.'));
    struct stat info {};
    if (!is_sha256(file.sha256) || ::stat(entry.path().c_str(), &info) != 0) continue;
    file.path = entry.path();
    file.size_bytes = static_cast<std::uint64_t>(info.st_size);
    file.used_ns = nanoseconds(info.st_atim);
    files.push_back(std::move(file));
  }
  return files;
}

std::uint64_t BlobCache::used_bytes() const {
  std::uint64_t bytes = 0;
  for (const StoredFile& file : stored_files())
    bytes += file.size_bytes;
  return bytes;
}

bool BlobCache::may_delete(const std::string& sha256) const {
  return !wanted_.contains(sha256) && !active_.contains(sha256) && !held_.contains(sha256);
}

void BlobCache::evict(const std::function<bool()>& enough) {
  auto files = stored_files();
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.used_ns < b.used_ns; });
  for (const StoredFile& file : files) {
    if (enough()) return;
    if (!may_delete(file.sha256)) continue;
    log().info("deleting {}, which is not assigned any more, to make room", file.path.string());
    std::error_code ignored;
    std::filesystem::remove(file.path, ignored);
    trusted_.erase(file.sha256);
    // An open file keeps its place on the disk.
    downloads_.erase(file.sha256);
  }
}

Result<void> BlobCache::make_room(const Download& download) {
  if (auto fits = fit_quota(download); !fits) return fits;
  const std::uint64_t needed = download.blob.size_bytes - download.have_bytes + promised_bytes(&download);
  auto space = space_(directory_);
  if (!space) return space.error();
  const auto enough = [&] { return space && space->free_bytes >= needed + reserved_bytes(*space); };
  if (!enough()) {
    evict([&] {
      space = space_(directory_);
      return !space || enough();
    });
    space = space_(directory_);
    if (!space) return space.error();
  }
  if (enough()) return {};
  return no_room(directory_,
                 fmt::format("{:.1f} MB more are needed, {:.1f} MB are free, of which {:.1f} MB are kept for you",
                             static_cast<double>(needed) / 1e6, static_cast<double>(space->free_bytes) / 1e6,
                             static_cast<double>(reserved_bytes(*space)) / 1e6));
}

Result<void> BlobCache::fit_quota(const Download& download) {
  if (quota_bytes_ == 0) return {};
  const std::uint64_t more = download.blob.size_bytes - download.have_bytes + promised_bytes(&download);
  const auto fits = [&] { return used_bytes() + more <= quota_bytes_; };
  if (!fits()) evict(fits);
  if (fits()) return {};
  return Error(
      ErrorCode::disk_full,
      fmt::format("worker.max_cache_gb allows {:.1f} MB; {:.1f} MB are in use by what is assigned or runs, and "
                  "{:.1f} MB more are needed",
                  static_cast<double>(quota_bytes_) / 1e6, static_cast<double>(used_bytes()) / 1e6,
                  static_cast<double>(more) / 1e6));
}

std::optional<BlobCache::Stamp> BlobCache::stamp_of(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  Stamp stamp;
  stamp.size_bytes = static_cast<std::uint64_t>(info.st_size);
  stamp.changed_ns = nanoseconds(info.st_mtim);
  stamp.inode = info.st_ino;
  return stamp;
}

asio::awaitable<Result<bool>> BlobCache::is_stored(BlobSpec blob, std::function<void(std::uint64_t)> progress) {
  const auto path = path_of(blob.sha256);
  const auto stamp = stamp_of(path);
  if (!stamp) co_return false;
  if (stamp->size_bytes != blob.size_bytes) {
    log().warn("blob {} has {} bytes instead of {}: it is fetched again", blob.sha256, stamp->size_bytes,
               blob.size_bytes);
    remove(blob.sha256);
    co_return false;
  }
  const auto trusted = trusted_.find(blob.sha256);
  if (trusted == trusted_.end() || trusted->second != *stamp) {
    auto file = open_file(path, O_RDONLY);
    if (!file) co_return file.error();
    const auto shared = std::make_shared<FileDescriptor>(std::move(*file));
    const auto digest = std::make_shared<Sha256>();
    const auto buffer = std::make_shared<std::vector<std::byte>>(check_step_bytes);
    std::uint64_t done = 0;
    for (bool ended = false; !ended;) {
      auto work = [shared, digest, buffer]() -> Result<std::size_t> {
        auto count = read_fully(shared->get(), *buffer);
        if (count) digest->update(std::span(*buffer).first(*count));
        return count;
      };
      const auto count = co_await run_blocking(pool_, std::move(work));
      // A disk that cannot be read: what it holds is of no use.
      if (!count) log().warn("blob {}: {}", blob.sha256, count.error().detail);
      if (*stopping_) co_return Error(ErrorCode::cancelled, "the worker is stopping");
      done += count ? *count : 0;
      ended = !count || *count < buffer->size();
      progress(std::min(done, blob.size_bytes));
    }
    if (done != blob.size_bytes || digest->finish_hex() != blob.sha256) {
      log().warn("blob {} is damaged on the disk: it is fetched again", blob.sha256);
      remove(blob.sha256);
      co_return false;
    }
    trusted_.insert_or_assign(blob.sha256, *stamp);
  }
  // When it was last used; the time of its last change stays.
  const timespec times[] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  ::utimensat(AT_FDCWD, path.c_str(), times, 0);
  co_return true;
}

asio::awaitable<Result<void>> BlobCache::receive(std::shared_ptr<Download> download) {
  net::ClientTls tls;
  tls.server_name = net::pki::coordinator_name;
  tls.trusted_ca = source_->authority;
  net::HttpClientTimeouts timeouts;
  timeouts.head = server_timeout;
  timeouts.idle = server_timeout;
  const auto client = net::make_http_client(
      executor_, net::HttpEndpoint::https(source_->host, source_->port, std::move(tls)), timeouts);
  net::HttpClientRequest request;
  request.target = "/worker/v1/blobs/" + download->blob.sha256;
  request.headers.add("Authorization", "Bearer " + source_->ticket);
  if (download->have_bytes > 0) request.headers.add("Range", fmt::format("bytes={}-", download->have_bytes));
  auto response = co_await client->send(std::move(request));
  if (!response) co_return response.error();
  const auto& head = (*response)->head();
  if (head.status == 200) {
    // The whole file, whatever was asked for.
    if (::ftruncate(download->file.get(), 0) != 0 || ::lseek(download->file.get(), 0, SEEK_SET) != 0) {
      co_return system_error("ftruncate", errno);
    }
    download->digest = Sha256();
    download->have_bytes = 0;
  } else if (head.status != 206 ||
             net::parse_content_range(head.headers.get("Content-Range").value_or("")).first != download->have_bytes) {
    auto body = co_await (*response)->read_all(max_error_body_bytes);
    co_return Error(head.status == 404 ? ErrorCode::not_found : ErrorCode::unavailable,
                    fmt::format("the coordinator answered with status {} when asked for file {}", head.status,
                                download->blob.sha256));
  }
  auto buffer = std::make_shared<std::vector<std::byte>>(part_bytes);
  std::size_t filled = 0;
  for (bool ended = false; !ended;) {
    // Its sender waits too, or gives up: then the rest comes with the next try.
    while (paused_)
      co_await resumed_.wait();
    const auto count = co_await (*response)->read_some(std::span(*buffer).subspan(filled));
    const std::size_t fresh = count ? *count : 0;
    ended = fresh == 0;
    filled += fresh;
    if (download->have_bytes + filled > download->blob.size_bytes) {
      co_return Error(ErrorCode::protocol,
                      "the coordinator sent more of file " + download->blob.sha256 + " than it announced");
    }
    if (filled == buffer->size() || (ended && filled > 0)) {
      auto work = [download, buffer, filled]() -> Result<void> {
        const auto bytes = std::span(*buffer).first(filled);
        download->digest.update(bytes);
        return write_fully(download->file.get(), bytes);
      };
      auto written = co_await run_blocking(pool_, std::move(work));
      if (!written) {
        // A part of it may be in the file: the file and its digest are not known any more.
        downloads_.erase(download->blob.sha256);
        co_return written;
      }
      download->have_bytes += filled;
      filled = 0;
      download->progress(download->have_bytes);
    }
    if (!count) co_return count.error();
  }
  if (download->have_bytes < download->blob.size_bytes) {
    co_return Error(ErrorCode::unavailable,
                    "the coordinator sent less of file " + download->blob.sha256 + " than it announced");
  }
  co_return Result<void>();
}

// False: the digest is wrong, and the file is gone.
asio::awaitable<Result<bool>> BlobCache::complete(std::shared_ptr<Download> download) {
  auto work = [download, path = path_of(download->blob.sha256)]() -> Result<bool> {
    if (download->digest.finish_hex() != download->blob.sha256) {
      ::unlink(download->path.c_str());
      return false;
    }
    // Readable for the sandbox's user too; the directory above is the owner's alone.
    if (::fchmod(download->file.get(), 0444) != 0) return system_error(download->path.string(), errno);
    if (auto synced = sync_file(download->file.get()); !synced) return synced.error();
    if (::rename(download->path.c_str(), path.c_str()) != 0) return system_error(path.string(), errno);
    return true;
  };
  co_return co_await run_blocking(pool_, std::move(work));
}

}  // namespace gogrid::worker
