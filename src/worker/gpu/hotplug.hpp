// Hotplug: hears from the kernel when GPUs and power supplies come and go (Linux: uevents). Nothing polls. Event loop
// thread.
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

class Hotplug {
 public:
  Hotplug(boost::asio::any_io_executor executor, FileDescriptor socket);

  // Completes when something of interest has come or gone; the error when no more will be heard.
  boost::asio::awaitable<Result<void>> changed();
  void stop();

 private:
  boost::asio::posix::stream_descriptor socket_;
};

// Whether an event, as the kernel sends it ("add@/devices/…", then NAME=value, each ended by a NUL), is about a GPU,
// its driver or a power supply that came or went.
bool concerns_hardware(std::string_view event);

}  // namespace gogrid::worker
