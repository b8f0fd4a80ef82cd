// What an engine prints, its list of devices and its log, comes out within bounds, and a device's name can stand in a
// list of arguments.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/utf8.hpp"
#include "worker/engine/device_list.hpp"
#include "worker/engine/engine_log.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gogrid::worker;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto devices = parse_device_list(text);
  if (devices.size() > max_engine_devices) std::abort();
  BufferLog buffers;
  for (std::string_view rest = text; !rest.empty();) {
    const auto end = rest.find('\n');
    buffers.feed(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  for (const ListedDevice& device : devices) {
    if (!is_device_name(device.name) || device.name.find(',') != std::string::npos || device.name.front() == '-')
      std::abort();
    if (device.free_bytes > device.total_bytes || device.total_bytes > std::uint64_t{1} << 50) std::abort();
    if (device.description.size() > 256 || !gogrid::is_utf8(device.description)) std::abort();
    if (buffers.bytes_on(device.name) > BufferLog::max_buffers * (std::uint64_t{1} << 50)) std::abort();
  }
  const std::string_view shortage = memory_shortage(text);
  if (shortage.find('\n') != std::string_view::npos || text.find(shortage) == std::string_view::npos) std::abort();
  return 0;
}
