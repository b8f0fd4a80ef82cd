// FileWatch: hears from the kernel of changes of files and directories (Linux: inotify). Nothing polls. Event loop
// thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace gogrid::worker {

class FileWatch {
 public:
  struct Event {
    int watch = -1;  // as add() returned it; -1: events were lost
    std::uint32_t mask = 0;
    std::string name;  // in the directory that is watched
  };

  explicit FileWatch(boost::asio::any_io_executor executor);

  // `mask` as for inotify_add_watch(2). The number that events of it carry; again for the same file: the same number.
  Result<int> add(const std::filesystem::path& path, std::uint32_t mask);
  void remove(int watch);
  // What has happened and not been taken, without waiting.
  std::vector<Event> take();
  // Completes when something has happened; the error when no more will be heard.
  boost::asio::awaitable<Result<std::vector<Event>>> next();
  void stop();

 private:
  boost::asio::posix::stream_descriptor descriptor_;
  bool stopped_ = false;
};

}  // namespace gogrid::worker
