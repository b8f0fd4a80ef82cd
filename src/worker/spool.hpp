// Spool: an answer that is kept so that it can be read again from its beginning: in memory while it is short, then in a
// file. SpoolRoom: how much all of them may take, and where their files are. Event loop thread, files on the pool.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace gogrid::worker {

struct SpoolLimits {
  // Of one answer; what is longer goes to a file.
  std::size_t memory_bytes = 1024 * 1024;
  // Of all together.
  std::size_t all_memory_bytes = 32 * 1024 * 1024;
  std::uint64_t all_file_bytes = std::uint64_t{1} << 30;
};

class SpoolRoom {
 public:
  // Removes what an earlier run left in `folder`, which is there already. Blocking. The pool outlives it.
  SpoolRoom(boost::asio::thread_pool& pool, std::filesystem::path folder, SpoolLimits limits = {});

  std::uint64_t used_bytes() const { return used_memory_bytes_ + used_file_bytes_; }

 private:
  friend class Spool;

  boost::asio::thread_pool& pool_;
  const std::filesystem::path folder_;
  const SpoolLimits limits_;
  std::uint64_t next_file_ = 1;
  std::size_t used_memory_bytes_ = 0;
  std::uint64_t used_file_bytes_ = 0;
};

class Spool {
 public:
  explicit Spool(std::shared_ptr<SpoolRoom> room) : room_(std::move(room)) {}
  // clear()
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // All of it or nothing; one call at a time. resource_exhausted when there is no room, or what the disk says; then no
  // more can be added.
  boost::asio::awaitable<Result<void>> append(std::string_view bytes);
  std::uint64_t size() const { return memory_.size() + file_bytes_; }
  // At most `max_bytes` from `position`, which is before the end; also while append() runs.
  boost::asio::awaitable<Result<std::string>> read(std::uint64_t position, std::size_t max_bytes);
  // Gives everything back; nothing may run.
  void clear();

 private:
  struct File;

  boost::asio::awaitable<Result<void>> append_to_file(std::string bytes);

  std::shared_ptr<SpoolRoom> room_;
  std::string memory_;
  // Its descriptor and its name go with the last of those that use it.
  std::shared_ptr<File> file_;
  std::uint64_t file_bytes_ = 0;
};

}  // namespace gogrid::worker
