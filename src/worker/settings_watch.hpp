// SettingsWatch: hears when a file is written, replaced, made or removed (Linux: inotify on its directory, since
// editors replace files). Neither has to exist. Nothing polls. Event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"

namespace gogrid::worker {

// What a SettingsWatch hears through; the error says why this system gives none.
Result<FileDescriptor> open_file_events();

class SettingsWatch {
 public:
  // `path` is absolute.
  SettingsWatch(boost::asio::any_io_executor executor, FileDescriptor events, std::filesystem::path path);

  // Completes when the file may be another than when this was last called, or, the first time, than when the watch was
  // made; a moment later, so that what is done in several steps is told once. The error when no more will be heard.
  boost::asio::awaitable<Result<void>> changed();
  void stop();

 private:
  void arm();
  void watch_way_to(const std::filesystem::path& path);
  // Whether one of the events that are there is of interest.
  Result<bool> take_events();

  std::filesystem::path path_;
  boost::asio::posix::stream_descriptor events_;
  boost::asio::steady_timer settle_;
  // By the kernel's number of a directory, the names in it that lead to the file.
  std::map<int, std::set<std::string>> names_;
};

}  // namespace gogrid::worker
