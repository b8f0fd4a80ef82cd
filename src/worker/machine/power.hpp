// Power: whether the machine runs on its battery. The kernel tells when that changes (uevents); where it may not be
// heard, a machine with a battery is looked at once a minute. Event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"
#include "base/task_group.hpp"
#include "worker/gpu/gpu.hpp"
#include "worker/gpu/hotplug.hpp"

namespace gogrid::worker {

// A machine without a battery never does. One whose mains say nothing does while its battery empties.
bool is_on_battery(const HostReading& reading);

struct PowerOptions {
  std::filesystem::path root = "/";
  // Where the kernel's events come from.
  std::function<Result<FileDescriptor>()> open_events = open_hotplug_socket;
  // Between two looks, where there are none.
  std::chrono::milliseconds look_pause{60'000};
};

class Power {
 public:
  // `on_change`: on_battery() has changed.
  Power(boost::asio::any_io_executor executor, PowerOptions options, std::function<void()> on_change);
  ~Power();

  // Looks at once, without telling. Both may be called again and again.
  void start();
  void stop();
  // After stop().
  boost::asio::awaitable<void> stopped();

  // As it was last seen; false before start().
  bool on_battery() const { return is_on_battery(reading_); }
  const std::optional<Battery>& battery() const { return reading_.battery; }
  // Why the kernel does not tell; empty: it does.
  const std::string& trouble() const { return trouble_; }

 private:
  struct Watch;
  boost::asio::awaitable<void> watch(std::shared_ptr<Watch> watch);
  void look();

  boost::asio::any_io_executor executor_;
  PowerOptions options_;
  std::function<void()> on_change_;
  HostReading reading_;
  std::string trouble_;
  // From start() to stop().
  std::shared_ptr<Watch> watch_;
  TaskGroup tasks_;
};

}  // namespace gogrid::worker
