// BlobCache: content-addressed files, fetched over HTTPS as they are needed. A download carries on where it stopped,
// also after a kill; what does not have the right SHA-256 is never seen by anybody, and a file that lay on the disk is
// hashed again before its first use after a start, and whenever it looks changed. Files that are not wanted go when
// their room is needed, those that were used least lately first. Owned by the worker; event loop thread, files on the
// pool.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "worker/notifier.hpp"

namespace gogrid::worker {

struct BlobSpec {
  std::string sha256;  // 64 lower-case hexadecimal digits
  std::uint64_t size_bytes = 0;

  friend bool operator==(const BlobSpec&, const BlobSpec&) = default;
};

// Where blobs come from, for as long as one connection to the coordinator lives.
struct BlobSource {
  std::string host;
  std::uint16_t port = 0;
  std::string ticket;
  // PEM: the only authority that the server may be signed by.
  std::string authority;
};

struct DiskSpace {
  std::uint64_t free_bytes = 0;
  std::uint64_t total_bytes = 0;
};
using DiskSpaceFunction = std::function<Result<DiskSpace>(const std::filesystem::path&)>;
Result<DiskSpace> disk_space(const std::filesystem::path& path);

// What stays free for the owner: 1 GiB, or a twentieth of a small disk.
std::uint64_t reserved_bytes(const DiskSpace& space);

// disk_full, with what an owner can do about it. `why` says what is missing.
Error no_room(const std::filesystem::path& directory, const std::string& why);

class BlobCache {
 public:
  // Keeps a file from being deleted to make room, whether or not it is wanted: somebody loads it or runs with it.
  // Outlived by the cache.
  class Hold {
   public:
    Hold(BlobCache& cache, const std::string& sha256) : cache_(&cache), place_(cache.held_.insert(sha256)) {}
    Hold(Hold&& other) noexcept : cache_(std::exchange(other.cache_, nullptr)), place_(other.place_) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (cache_) cache_->held_.erase(place_);
    }

   private:
    BlobCache* cache_;
    std::multiset<std::string>::iterator place_;
  };

  BlobCache(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, std::filesystem::path directory,
            DiskSpaceFunction space = disk_space);

  // What all files may take together; 0: as much as there is.
  void set_quota(std::uint64_t bytes) { quota_bytes_ = bytes; }
  std::uint64_t quota_bytes() const { return quota_bytes_; }
  // Deletes what is over the quota, but not what is wanted or held.
  void trim();
  const std::filesystem::path& directory() const { return directory_; }
  // What they take now.
  std::uint64_t used_bytes() const;

  // nullopt while there is no connection.
  void set_source(std::optional<BlobSource> source);
  // Blobs that must not be deleted to make room. What is over the quota without them goes.
  void set_wanted(std::set<std::string> sha256s);
  Hold hold(const std::string& sha256) { return Hold(*this, sha256); }
  // Its file is hashed before it is used again.
  void distrust(const std::string& sha256) { trusted_.erase(sha256); }

  // The path of the complete blob. `progress` hears how many bytes are there. unavailable: no connection, or it broke:
  // what came is kept for the next call. disk_full: no room. Several calls for one blob share its download.
  boost::asio::awaitable<Result<std::filesystem::path>> fetch(BlobSpec blob,
                                                              std::function<void(std::uint64_t)> progress);

  // Meanwhile nothing is fetched: what is under way waits where it is.
  void set_paused(bool paused);

  // Ends the hashing of files, which cancelling does not reach.
  void stop() { *stopping_ = true; }

  // Forgets a blob that was unpacked and is not needed any more.
  void remove(const std::string& sha256);

  // What may still be written to the disk, besides what is being fetched and what is the owner's.
  Result<std::uint64_t> room_bytes() const;

 private:
  struct Download;
  // How a file looked when it was last known to have its SHA-256.
  struct Stamp {
    std::uint64_t size_bytes = 0;
    std::int64_t changed_ns = 0;
    std::uint64_t inode = 0;

    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct StoredFile {
    std::filesystem::path path;
    std::string sha256;
    std::uint64_t size_bytes = 0;
    std::int64_t used_ns = 0;
  };

  boost::asio::awaitable<Result<std::filesystem::path>> fetch_once(BlobSpec blob,
                                                                   std::function<void(std::uint64_t)> progress);
  // True when the file is there and has its SHA-256; one that has not is deleted.
  boost::asio::awaitable<Result<bool>> is_stored(BlobSpec blob, std::function<void(std::uint64_t)> progress);
  static std::optional<Stamp> stamp_of(const std::filesystem::path& path);
  std::vector<StoredFile> stored_files() const;
  bool may_delete(const std::string& sha256) const;
  // Deletes what may go until `enough` says so.
  void evict(const std::function<bool()>& enough);
  std::shared_ptr<Download> find_download(const BlobSpec& blob);
  Result<void> check(const Download& download);
  boost::asio::awaitable<Result<void>> download(std::shared_ptr<Download> download);
  boost::asio::awaitable<Result<void>> open_partial(std::shared_ptr<Download> download);
  boost::asio::awaitable<Result<void>> receive(std::shared_ptr<Download> download);
  boost::asio::awaitable<Result<bool>> complete(std::shared_ptr<Download> download);
  Result<void> make_room(const Download& download);
  Result<void> fit_quota(const Download& download);
  std::uint64_t promised_bytes(const Download* but_for) const;

  std::filesystem::path path_of(const std::string& sha256) const { return directory_ / sha256; }
  std::filesystem::path partial_path_of(const std::string& sha256) const { return directory_ / (sha256 + ".part"); }

  boost::asio::any_io_executor executor_;
  boost::asio::thread_pool& pool_;
  std::filesystem::path directory_;
  DiskSpaceFunction space_;
  std::optional<BlobSource> source_;
  std::set<std::string> wanted_;
  std::multiset<std::string> held_;
  std::uint64_t quota_bytes_ = 0;
  std::map<std::string, Stamp> trusted_;
  // Being fetched now.
  std::set<std::string> active_;
  // Under way, by SHA-256. Kept between attempts, so that only a restart hashes what came before again.
  std::map<std::string, std::shared_ptr<Download>> downloads_;
  Notifier finished_;
  bool paused_ = false;
  Notifier resumed_;
  std::shared_ptr<std::atomic<bool>> stopping_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace gogrid::worker
