// FileShelf: the bytes of the Files API's files, in the data directory: files/<id> when whole, files/<id>.part while
// they come. Blocking, any thread: called on the file pool. FileSink writes one from the io thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"
#include "store/records.hpp"

namespace gogrid::coordinator {

class FileShelf {
 public:
  explicit FileShelf(const std::filesystem::path& data_dir) : folder_(data_dir / "files") {}
  // Makes the directory, and removes what did not become whole.
  Result<void> prepare() const;

  std::filesystem::path path_of(store::FileId id) const { return folder_ / id.text(); }
  std::vector<store::FileId> list() const;
  // What is not there is removed already.
  void remove(store::FileId id) const;
  Result<std::uint64_t> free_bytes() const { return gogrid::free_bytes(folder_); }

  // One that comes. Destroyed before it is finished it leaves nothing behind.
  class Writer {
   public:
    Writer(const FileShelf& shelf, store::FileId id);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    Result<void> write(std::span<const std::byte> bytes);
    // Whole, durable and under its name when it returns; in the place of one that was there.
    Result<void> finish();

   private:
    std::filesystem::path folder_;
    std::filesystem::path path_;
    std::filesystem::path part_;
    FileDescriptor file_;
  };

 private:
  std::filesystem::path folder_;
};

// Gathers what is written into large pieces. The file exists from the first piece on, or from finish().
class FileSink {
 public:
  // The pool outlives it.
  FileSink(const FileShelf& shelf, store::FileId id, boost::asio::thread_pool& pool);

  // No two at a time.
  boost::asio::awaitable<Result<void>> write(std::string_view bytes);
  boost::asio::awaitable<Result<void>> finish();
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  boost::asio::awaitable<Result<void>> flush();

  // A thread may still have it when this is destroyed.
  std::shared_ptr<FileShelf::Writer> writer_;
  boost::asio::thread_pool& pool_;
  std::string held_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace gogrid::coordinator
