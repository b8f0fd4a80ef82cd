#include "worker/activity/full_screen.hpp"

#include <utility>

namespace gogrid::worker {

FullScreenWatch::FullScreenWatch(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, X11Options x11,
                                 WaylandOptions wayland, std::function<void()> on_change)
    : x11_(executor, pool, std::move(x11), on_change), wayland_(executor, std::move(wayland), on_change) {}

void FullScreenWatch::start() {
  x11_.start();
  wayland_.start();
}

void FullScreenWatch::stop() {
  x11_.stop();
  wayland_.stop();
}

boost::asio::awaitable<void> FullScreenWatch::stopped() {
  co_await x11_.stopped();
  co_await wayland_.stopped();
}

}  // namespace gogrid::worker
