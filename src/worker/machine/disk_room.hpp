// DiskRoom: whether the file system that holds models and engines is nearly full. Looked at when somebody has reason to
// (something is to be fetched, or was); only while it is full also once a minute, as no kernel tells of room that came.
// Event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

namespace gogrid::worker {

struct DiskRoomOptions {
  // On the file system that is meant.
  std::filesystem::path path;
  // Less than this is low; it is so until there is a tenth more.
  std::uint64_t least_bytes = 0;
  std::chrono::milliseconds look_pause{60'000};
};

// Whether `free_bytes` is low, when it was (or was not) before.
bool is_low(std::uint64_t free_bytes, std::uint64_t least_bytes, bool before);

class DiskRoom {
 public:
  // `on_change`: is_low() has changed.
  DiskRoom(boost::asio::any_io_executor executor, DiskRoomOptions options, std::function<void()> on_change);

  // Looks now.
  void check();
  void set_least_bytes(std::uint64_t bytes);
  // It looks no more by itself.
  void stop();

  bool is_low() const { return low_; }
  // As last seen; nullopt before that, and where it cannot be told.
  std::optional<std::uint64_t> free_bytes() const { return free_bytes_; }

 private:
  DiskRoomOptions options_;
  std::function<void()> on_change_;
  boost::asio::steady_timer pause_;
  std::optional<std::uint64_t> free_bytes_;
  bool low_ = false;
  bool stopped_ = false;
};

}  // namespace gogrid::worker
