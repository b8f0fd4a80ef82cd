#include "worker/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

#include "base/blocking.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;

// Opened, used and removed on the pool.
struct Spool::File {
  explicit File(std::filesystem::path its_path) : path(std::move(its_path)) {}
  ~File() {
    if (descriptor) ::unlink(path.c_str());
  }

  Result<void> open() {
    if (descriptor) return {};
    auto opened = open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (!opened) return opened.error();
    descriptor = std::move(*opened);
    return {};
  }

  // A short write is written again with the next attempt at the same place.
  Result<void> write_at(std::uint64_t position, std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::pwrite(descriptor.get(), bytes.data(), bytes.size(), static_cast<off_t>(position));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_error(path.string(), errno);
      position += static_cast<std::uint64_t>(count);
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
  }

  Result<std::string> read_at(std::uint64_t position, std::size_t count) const {
    std::string bytes(count, '\0');
    for (std::size_t have = 0; have < count;) {
      const ssize_t got =
          ::pread(descriptor.get(), bytes.data() + have, count - have, static_cast<off_t>(position + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_error(path.string(), errno);
      if (got == 0) return Error(ErrorCode::io, path.string() + " was cut short");
      have += static_cast<std::size_t>(got);
    }
    return bytes;
  }

  const std::filesystem::path path;
  FileDescriptor descriptor;
};

SpoolRoom::SpoolRoom(asio::thread_pool& pool, std::filesystem::path folder, SpoolLimits limits)
    : pool_(pool), folder_(std::move(folder)), limits_(limits) {
  std::error_code failure;
  for (const auto& left : std::filesystem::directory_iterator(folder_, failure))
    std::filesystem::remove_all(left.path(), failure);
  if (failure) log().warn("cannot clear {}: {}", folder_.string(), failure.message());
}

Spool::~Spool() { clear(); }

void Spool::clear() {
  room_->used_memory_bytes_ -= memory_.size();
  room_->used_file_bytes_ -= std::exchange(file_bytes_, 0);
  memory_ = std::string();
  // Removing a large file takes a while.
  if (file_) asio::post(room_->pool_, [file = std::exchange(file_, nullptr)]() mutable { file.reset(); });
}

asio::awaitable<Result<void>> Spool::append(std::string_view bytes) {
  const SpoolLimits& limits = room_->limits_;
  if (!file_ && memory_.size() + bytes.size() <= limits.memory_bytes &&
      room_->used_memory_bytes_ + bytes.size() <= limits.all_memory_bytes) {
    memory_ += bytes;
    room_->used_memory_bytes_ += bytes.size();
    co_return Result<void>();
  }
  if (room_->used_file_bytes_ + bytes.size() > limits.all_file_bytes)
    co_return Error(ErrorCode::resource_exhausted, "the answers that are kept take all the room there is for them");
  co_return co_await append_to_file(std::string(bytes));
}

asio::awaitable<Result<void>> Spool::append_to_file(std::string bytes) {
  if (!file_) file_ = std::make_shared<File>(room_->folder_ / std::to_string(room_->next_file_++));
  const std::uint64_t count = bytes.size();
  room_->used_file_bytes_ += count;
  auto work = [file = file_, position = file_bytes_, bytes = std::move(bytes)]() -> Result<void> {
    if (auto opened = file->open(); !opened) return opened;
    return file->write_at(position, bytes);
  };
  auto written = co_await run_blocking(room_->pool_, std::move(work));
  if (written) {
    file_bytes_ += count;
  } else {
    room_->used_file_bytes_ -= count;
  }
  co_return written;
}

asio::awaitable<Result<std::string>> Spool::read(std::uint64_t position, std::size_t max_bytes) {
  if (position < memory_.size()) co_return memory_.substr(static_cast<std::size_t>(position), max_bytes);
  const std::uint64_t in_file = position - memory_.size();
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(max_bytes, file_bytes_ - in_file));
  auto work = [file = file_, in_file, count] { return file->read_at(in_file, count); };
  co_return co_await run_blocking(room_->pool_, std::move(work));
}

}  // namespace gogrid::worker
