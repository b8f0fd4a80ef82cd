// ClientFiles: the files of the Files API: what clients upload and what batches put out. A file is whole on the disk
// before its record is stored, and its record is gone before its bytes are, so that after a crash bytes without a
// record are all that can be left; they are removed at the start. Owned by the Coordinator, used on the io thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "coordinator/api/error_response.hpp"
#include "coordinator/jobs/file_shelf.hpp"
#include "store/store.hpp"

namespace gogrid::coordinator {

class ClientFiles {
 public:
  // All of them outlive it. `max_bytes`: of one file that is uploaded.
  ClientFiles(boost::asio::any_io_executor executor, FileShelf shelf, store::Store& store,
              boost::asio::thread_pool& pool, const Clock& clock, std::uint64_t max_bytes);
  // Once, before anything else.
  store::Pending<> load();
  // Removes files that have expired. Returns after stop().
  boost::asio::awaitable<void> run();
  void stop();

  // A file that is being uploaded. Destroyed before it is added it leaves nothing behind.
  class Upload {
   public:
    Upload(ClientFiles& files, store::FileId id) : files_(files), id_(id), sink_(files.shelf_, id, files.pool_) {}
    // 413 over the limit, 507 when the disk is full.
    boost::asio::awaitable<ApiResult<void>> write(std::string_view bytes);

   private:
    friend class ClientFiles;
    ClientFiles& files_;
    const store::FileId id_;
    FileSink sink_;
  };
  // `announced_bytes`: 413 and 507 at once where that can be told from it.
  boost::asio::awaitable<ApiResult<std::unique_ptr<Upload>>> begin(std::optional<std::uint64_t> announced_bytes);
  // `record`: what is not known of it yet is set here.
  boost::asio::awaitable<ApiResult<store::FileRecord>> add(std::unique_ptr<Upload> upload, store::FileRecord record);

  // nullopt also for one that has expired.
  store::Pending<std::optional<store::FileRecord>> find(store::FileId id);
  struct Listing {
    // Empty: of all.
    std::string key_id = {};
    std::string purpose = {};
    store::FileId after = {};
    std::size_t limit = 0;
    // Instead of the newest first.
    bool oldest_first = false;
  };
  // One more than `limit` when there are more.
  store::Pending<std::vector<store::FileRecord>> list(Listing listing);
  // 409 for one that is in use.
  boost::asio::awaitable<ApiResult<void>> remove(store::FileId id);
  // Those that must stay for now.
  void on_use(std::function<bool(store::FileId)> in_use) { in_use_ = std::move(in_use); }

  // For what batches put out.
  store::FileId next_id() { return store::FileId(ids_.next(clock_.system_now())); }
  const FileShelf& shelf() const { return shelf_; }
  boost::asio::thread_pool& pool() const { return pool_; }

 private:
  bool has_expired(const store::FileRecord& file) const;
  store::Pending<std::vector<store::FileRecord>> list_oldest(Listing listing);
  store::Pending<> drop(store::FileId id);

  boost::asio::any_io_executor executor_;
  const FileShelf shelf_;
  store::Store& store_;
  boost::asio::thread_pool& pool_;
  const Clock& clock_;
  const std::uint64_t max_bytes_;
  OrderedIds ids_;
  std::function<bool(store::FileId)> in_use_;
  boost::asio::steady_timer timer_;
  bool stopping_ = false;
};

}  // namespace gogrid::coordinator
