#include "worker/gpu/hotplug.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

// The kernel's own, not those that udev sends on.
constexpr unsigned int kernel_group = 1;
constexpr std::size_t max_event_bytes = 8 * 1024;

// Hexadecimal without leading zeros: 30000 is a display controller, 120000 an accelerator.
bool is_gpu_class(std::string_view pci_class) {
  return pci_class.size() >= 5 &&
         (pci_class.substr(0, pci_class.size() - 4) == "3" || pci_class.substr(0, pci_class.size() - 4) == "12");
}

}  // namespace

Result<FileDescriptor> open_hotplug_socket() {
  FileDescriptor socket(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
  if (!socket) return system_error("netlink socket", errno);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = kernel_group;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return system_error("netlink socket", errno);
  return socket;
}

Hotplug::Hotplug(asio::any_io_executor executor, FileDescriptor socket, Filter filter)
    : socket_(executor, socket.release()), filter_(filter) {}

void Hotplug::stop() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

asio::awaitable<Result<void>> Hotplug::changed() {
  std::array<char, max_event_bytes> buffer;
  for (;;) {
    if (!socket_.is_open()) co_return Error(ErrorCode::cancelled, "stopped");
    sockaddr_nl sender{};
    socklen_t length = sizeof sender;
    const auto count = ::recvfrom(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                  reinterpret_cast<sockaddr*>(&sender), &length);
    if (count > 0) {
      // Other processes may send here too.
      const bool from_kernel = length == 0 || sender.nl_family != AF_NETLINK || sender.nl_pid == 0;
      if (from_kernel && filter_(std::string_view(buffer.data(), static_cast<std::size_t>(count))))
        co_return Result<void>();
      continue;
    }
    // So many came that some are lost: one may have been of interest.
    if (count < 0 && errno == ENOBUFS) co_return Result<void>();
    if (count == 0 || (errno != EAGAIN && errno != EINTR)) co_return system_error("netlink socket", errno);
    const auto [failure] =
        co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
    if (failure) co_return Error(ErrorCode::cancelled, "stopped");
  }
}

namespace {

struct Uevent {
  std::string_view action;
  std::string_view subsystem;
  std::string_view type;
  std::string_view pci_class;
};

Uevent parse_uevent(std::string_view event) {
  Uevent parsed;
  while (!event.empty()) {
    const std::string_view field = event.substr(0, event.find('\0'));
    event.remove_prefix(std::min(event.size(), field.size() + 1));
    const auto equals = field.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = field.substr(0, equals);
    const std::string_view value = field.substr(equals + 1);
    if (name == "ACTION") parsed.action = value;
    if (name == "SUBSYSTEM") parsed.subsystem = value;
    if (name == "DEVTYPE") parsed.type = value;
    if (name == "PCI_CLASS") parsed.pci_class = value;
  }
  return parsed;
}

}  // namespace

bool concerns_hardware(std::string_view event) {
  const Uevent parsed = parse_uevent(event);
  const std::string_view action = parsed.action;
  const bool came_or_went = action == "add" || action == "remove" || action == "bind" || action == "unbind";
  if (!came_or_went) return false;
  if (parsed.subsystem == "power_supply") return true;
  if (parsed.subsystem == "drm") return parsed.type == "drm_minor";
  return parsed.subsystem == "pci" && is_gpu_class(parsed.pci_class);
}

bool concerns_power(std::string_view event) { return parse_uevent(event).subsystem == "power_supply"; }

}  // namespace gogrid::worker
