#include "worker/activity/idle_time.hpp"
#include "worker/activity/logind_idle.hpp"
#include "worker/activity/mutter_idle.hpp"
#include "worker/activity/terminal_idle.hpp"
#include "worker/activity/wayland_idle.hpp"
#include "worker/activity/x11_idle.hpp"

namespace gogrid::worker {

IdleSources make_idle_sources(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, Bus& system_bus,
                              Bus& session_bus, std::chrono::milliseconds idle_after, std::function<void()> on_change) {
  IdleSources sources;
  sources.push_back(std::make_unique<X11Idle>(executor, pool, x11_options(), idle_after, on_change));
  sources.push_back(std::make_unique<WaylandIdle>(executor, wayland_options(), idle_after, on_change));
  sources.push_back(std::make_unique<MutterIdle>(session_bus, idle_after, on_change));
  sources.push_back(std::make_unique<LogindIdle>(executor, system_bus, idle_after, on_change));
  sources.push_back(std::make_unique<TerminalIdle>(executor, TerminalOptions(), idle_after, on_change));
  return sources;
}

}  // namespace gogrid::worker
