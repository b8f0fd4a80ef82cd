#include "coordinator/jobs/file_shelf.hpp"

#include <fcntl.h>

#include <cstdio>
#include <system_error>
#include <utility>

#include "base/blocking.hpp"
#include "base/encoding.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;

}  // namespace

Result<void> FileShelf::prepare() const {
  if (auto made = make_directories(folder_); !made) return made;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    std::error_code ignored;
    if (entry.path().extension() == ".part") fs::remove(entry.path(), ignored);
  }
  if (error) return system_error(folder_.string(), error.value());
  return {};
}

std::vector<store::FileId> FileShelf::list() const {
  std::vector<store::FileId> ids;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    if (const auto id = store::FileId::parse(entry.path().filename().string())) ids.push_back(*id);
  }
  return ids;
}

void FileShelf::remove(store::FileId id) const {
  std::error_code ignored;
  fs::remove(path_of(id), ignored);
}

FileShelf::Writer::Writer(const FileShelf& shelf, store::FileId id)
    : folder_(shelf.folder_), path_(shelf.path_of(id)), part_(path_.string() + ".part") {}

FileShelf::Writer::~Writer() {
  std::error_code ignored;
  if (file_) fs::remove(part_, ignored);
}

Result<void> FileShelf::Writer::write(std::span<const std::byte> bytes) {
  if (!file_) {
    auto opened = open_file(part_, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (!opened) return opened.error();
    file_ = std::move(*opened);
  }
  return write_fully(file_.get(), bytes);
}

Result<void> FileShelf::Writer::finish() {
  // An empty file is one too.
  if (auto opened = write({}); !opened) return opened;
  if (auto synced = sync_file(file_.get()); !synced) return synced;
  if (::rename(part_.c_str(), path_.c_str()) != 0) return system_error(path_.string(), errno);
  file_.reset();
  auto folder = open_file(folder_, O_RDONLY | O_DIRECTORY);
  if (!folder) return folder.error();
  return sync_file(folder->get());
}

FileSink::FileSink(const FileShelf& shelf, store::FileId id, asio::thread_pool& pool)
    : writer_(std::make_shared<FileShelf::Writer>(shelf, id)), pool_(pool) {}

asio::awaitable<Result<void>> FileSink::write(std::string_view bytes) {
  size_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), piece_bytes - held_.size());
    held_ += bytes.substr(0, count);
    bytes.remove_prefix(count);
    if (held_.size() < piece_bytes) break;
    auto flushed = co_await flush();
    if (!flushed) co_return flushed;
  }
  co_return Result<void>();
}

asio::awaitable<Result<void>> FileSink::flush() {
  auto work = [writer = writer_, held = std::exchange(held_, {})] { return writer->write(as_bytes(held)); };
  co_return co_await run_blocking(pool_, std::move(work));
}

asio::awaitable<Result<void>> FileSink::finish() {
  auto work = [writer = writer_, held = std::exchange(held_, {})]() -> Result<void> {
    if (auto written = writer->write(as_bytes(held)); !written) return written;
    return writer->finish();
  };
  co_return co_await run_blocking(pool_, std::move(work));
}

}  // namespace gogrid::coordinator
