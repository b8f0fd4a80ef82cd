// SettingsWatch: hears when a file is written, replaced, made or removed (Linux: inotify on its directory, since
// editors replace files). Neither has to exist. Nothing polls. Event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "worker/file_watch.hpp"

namespace gogrid::worker {

class SettingsWatch {
 public:
  // `path` is absolute.
  SettingsWatch(boost::asio::any_io_executor executor, std::filesystem::path path);

  // Completes when the file may be another than when this was last called, or, the first time, than when the watch was
  // made; a moment later, so that what is done in several steps is told once. The error when no more will be heard.
  boost::asio::awaitable<Result<void>> changed();
  void stop();

 private:
  void arm();
  void watch_way_to(const std::filesystem::path& path);
  bool concern(const std::vector<FileWatch::Event>& events) const;

  std::filesystem::path path_;
  FileWatch files_;
  bool stopped_ = false;
  boost::asio::steady_timer settle_;
  // By the watch of a directory, the names in it that lead to the file.
  std::map<int, std::set<std::string>> names_;
  // Why there is none.
  std::string failure_;
};

}  // namespace gogrid::worker
