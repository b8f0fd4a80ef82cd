// What programs of the owner's session leave in files and names: Xauthority, utmp, DISPLAY.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "worker/activity/terminal_idle.hpp"
#include "worker/activity/wayland_displays.hpp"
#include "worker/activity/x11_display.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gogrid::worker;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const std::string& cookie : parse_x11_cookies(bytes, 0)) {
    if (cookie.empty() || cookie.size() > size) std::abort();
  }
  for (const std::string& name : parse_utmp(bytes)) {
    // Nothing that leads out of /dev.
    const bool terminal = name.starts_with("tty") || name.starts_with("pts/");
    if (!terminal || name.find('.') != std::string::npos || name.find('/', 4) != std::string::npos) std::abort();
  }
  const auto number = local_display_number(bytes);
  if (number && (*number < 0 || *number > 65535)) std::abort();
  (void)is_wayland_socket_name(bytes);
  return 0;
}
