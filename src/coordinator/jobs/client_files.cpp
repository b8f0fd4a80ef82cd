#include "coordinator/jobs/client_files.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <system_error>
#include <utility>

#include "base/blocking.hpp"
#include "base/log.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using store::FileId;
using store::FileRecord;
namespace {

// Stays free for the database and the logs.
constexpr std::uint64_t spare_disk_bytes = 64 * 1024 * 1024;
// What has expired is not shown any more; its bytes may stay this long.
constexpr std::chrono::minutes expiry_interval{10};
constexpr std::size_t page = 1000;

ErrorResponse too_large(std::uint64_t max_bytes) {
  return ErrorResponse(413, "files may have at most " + std::to_string(max_bytes) + " bytes (files.max_bytes)",
                       "file_too_large", "file");
}

ErrorResponse disk_full(std::uint64_t free) {
  return ErrorResponse(507, "the coordinator has only " + std::to_string(free / 1'000'000) + " MB of free disk space",
                       "disk_full");
}

}  // namespace

ClientFiles::ClientFiles(asio::any_io_executor executor, FileShelf shelf, store::Store& store, asio::thread_pool& pool,
                         const Clock& clock, std::uint64_t max_bytes)
    : executor_(executor),
      shelf_(std::move(shelf)),
      store_(store),
      pool_(pool),
      clock_(clock),
      max_bytes_(max_bytes),
      timer_(executor) {}

store::Pending<> ClientFiles::load() {
  const auto last = co_await store_.last_ordered_id();
  if (!last) co_return last.error();
  ids_.pass(*last);
  if (auto prepared = shelf_.prepare(); !prepared) co_return prepared;
  for (const FileId id : shelf_.list()) {
    const auto record = co_await store_.find_file(id);
    if (!record) co_return record.error();
    if (*record) continue;
    log().info("removing {}: it did not become a file", id.text());
    shelf_.remove(id);
  }
  co_return Result<void>();
}

void ClientFiles::stop() {
  stopping_ = true;
  timer_.cancel();
}

asio::awaitable<void> ClientFiles::run() {
  while (!stopping_) {
    const auto expired = co_await store_.list_expired_files(clock_.system_now());
    if (!expired) log().warn("files that have expired could not be found: {}", expired.error().detail);
    for (const FileRecord& file : expired ? *expired : std::vector<FileRecord>()) {
      if (in_use_ && in_use_(file.id)) continue;
      const auto dropped = co_await drop(file.id);
      if (!dropped) log().warn("{} could not be removed: {}", file.id.text(), dropped.error().detail);
    }
    if (stopping_) co_return;
    timer_.expires_after(expiry_interval);
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

// ---- uploads ----

asio::awaitable<ApiResult<std::unique_ptr<ClientFiles::Upload>>> ClientFiles::begin(
    std::optional<std::uint64_t> announced_bytes) {
  const std::uint64_t bytes = announced_bytes.value_or(0);
  // What else is in the form is small.
  if (bytes > max_bytes_ && bytes - max_bytes_ > 64 * 1024) co_return too_large(max_bytes_);
  auto room = [shelf = shelf_] { return shelf.free_bytes(); };
  const auto free = co_await run_blocking(pool_, std::move(room));
  if (free && *free < bytes + spare_disk_bytes) co_return disk_full(*free);
  co_return std::make_unique<Upload>(*this, next_id());
}

asio::awaitable<ApiResult<void>> ClientFiles::Upload::write(std::string_view bytes) {
  if (bytes.size() > files_.max_bytes_ - sink_.size_bytes()) co_return too_large(files_.max_bytes_);
  const auto written = co_await sink_.write(bytes);
  if (!written) co_return ErrorResponse(written.error());
  co_return ApiResult<void>();
}

asio::awaitable<ApiResult<FileRecord>> ClientFiles::add(std::unique_ptr<Upload> upload, FileRecord record) {
  const auto finished = co_await upload->sink_.finish();
  if (!finished) co_return ErrorResponse(finished.error());
  record.id = upload->id_;
  record.size_bytes = upload->sink_.size_bytes();
  const auto added = co_await store_.add_file(record);
  if (added) co_return record;
  auto undo = [shelf = shelf_, id = record.id] {
    shelf.remove(id);
    return true;
  };
  (void)co_await run_blocking(pool_, std::move(undo));
  co_return ErrorResponse(added.error());
}

// ---- questions ----

bool ClientFiles::has_expired(const FileRecord& file) const {
  return file.expires_at && *file.expires_at <= clock_.system_now();
}

store::Pending<std::optional<FileRecord>> ClientFiles::find(FileId id) {
  auto file = co_await store_.find_file(id);
  if (file && *file && has_expired(**file)) file->reset();
  co_return file;
}

store::Pending<std::vector<FileRecord>> ClientFiles::list(Listing listing) {
  if (listing.oldest_first) co_return co_await list_oldest(std::move(listing));
  auto files = co_await store_.list_files(listing.key_id, listing.purpose, listing.after, listing.limit + 1);
  if (files) std::erase_if(*files, [this](const FileRecord& file) { return has_expired(file); });
  co_return files;
}

// The store gives the newest first: the last that are seen before `after` comes are the ones.
store::Pending<std::vector<FileRecord>> ClientFiles::list_oldest(Listing listing) {
  std::deque<FileRecord> last;
  FileId before;
  for (;;) {
    const auto files = co_await store_.list_files(listing.key_id, listing.purpose, before, page);
    if (!files) co_return files.error();
    bool reached = files->size() < page;
    for (const FileRecord& file : *files) {
      reached = reached || file.id <= listing.after;
      if (file.id <= listing.after) break;
      if (has_expired(file)) continue;
      last.push_front(file);
      if (last.size() > listing.limit + 1) last.pop_back();
    }
    if (reached) break;
    before = files->back().id;
  }
  co_return std::vector<FileRecord>(std::make_move_iterator(last.begin()), std::make_move_iterator(last.end()));
}

// ---- removal ----

asio::awaitable<ApiResult<void>> ClientFiles::remove(FileId id) {
  if (in_use_ && in_use_(id))
    co_return ErrorResponse(409, "a batch that has not ended uses this file; cancel it first", "file_in_use");
  const auto dropped = co_await drop(id);
  if (!dropped) co_return ErrorResponse(dropped.error());
  co_return ApiResult<void>();
}

store::Pending<> ClientFiles::drop(FileId id) {
  auto removed = co_await store_.remove_file(id);
  if (!removed && removed.error().code != ErrorCode::not_found) co_return removed;
  auto work = [shelf = shelf_, id] {
    shelf.remove(id);
    return true;
  };
  (void)co_await run_blocking(pool_, std::move(work));
  co_return Result<void>();
}

}  // namespace gogrid::coordinator
