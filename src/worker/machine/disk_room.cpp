#include "worker/machine/disk_room.hpp"

#include <utility>

#include "base/file.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;

bool is_low(std::uint64_t free_bytes, std::uint64_t least_bytes, bool before) {
  return free_bytes < least_bytes || (before && free_bytes - least_bytes < least_bytes / 10);
}

DiskRoom::DiskRoom(asio::any_io_executor executor, DiskRoomOptions options, std::function<void()> on_change)
    : options_(std::move(options)), on_change_(std::move(on_change)), pause_(executor) {}

void DiskRoom::set_least_bytes(std::uint64_t bytes) {
  options_.least_bytes = bytes;
  check();
}

void DiskRoom::stop() {
  stopped_ = true;
  pause_.cancel();
}

void DiskRoom::check() {
  const auto seen = gogrid::free_bytes(options_.path);
  free_bytes_ = seen ? std::optional<std::uint64_t>(*seen) : std::nullopt;
  const bool low = free_bytes_ && worker::is_low(*free_bytes_, options_.least_bytes, low_);
  pause_.cancel();
  if (low && !stopped_) {
    pause_.expires_after(options_.look_pause);
    pause_.async_wait([this](boost::system::error_code failure) {
      if (!failure) check();
    });
  }
  if (std::exchange(low_, low) != low) on_change_();
}

}  // namespace gogrid::worker
