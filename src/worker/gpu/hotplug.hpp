// Hotplug: hears from the kernel of devices (Linux: uevents): when GPUs and power supplies come and go, or what else is
// asked for. Nothing polls. Event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <optional>
#include <string_view>

#include "base/file.hpp"
#include "base/result.hpp"

namespace gogrid::worker {

// A socket that the kernel sends its events to; the error says why this system has none.
Result<FileDescriptor> open_hotplug_socket();

// Whether an event, as the kernel sends it ("add@/devices/…", then NAME=value, each ended by a NUL), is about a GPU,
// its driver or a power supply that came or went.
bool concerns_hardware(std::string_view event);
// Whether it is about a power supply, whatever happened to it.
bool concerns_power(std::string_view event);

class Hotplug {
 public:
  using Filter = bool (*)(std::string_view event);
  Hotplug(boost::asio::any_io_executor executor, FileDescriptor socket, Filter filter = concerns_hardware);

  // Completes when an event of interest has come; the error when no more will be heard.
  boost::asio::awaitable<Result<void>> changed();
  void stop();

 private:
  boost::asio::posix::stream_descriptor socket_;
  Filter filter_;
};

}  // namespace gogrid::worker
