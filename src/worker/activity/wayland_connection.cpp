#include "worker/activity/wayland_connection.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <wayland-client.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

Result<FileDescriptor> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error(ErrorCode::invalid_argument, "too long a socket name");
  std::memcpy(address.sun_path, path.data(), path.size());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_error("socket", errno);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  if (errno == ECONNREFUSED || errno == ENOENT) return Error(ErrorCode::not_found, "no compositor listens there");
  return system_error("connect", errno);
}

}  // namespace

WaylandConnection::WaylandConnection(asio::any_io_executor executor) : descriptor_(executor) {}

WaylandConnection::~WaylandConnection() {
  if (listing_ != nullptr) wl_callback_destroy(listing_);
  if (registry_ != nullptr) wl_registry_destroy(registry_);
  if (display_ != nullptr) wl_display_disconnect(display_);
}

Result<void> WaylandConnection::open(const std::string& path) {
  auto socket = connect_to(path);
  if (!socket) return socket.error();
  const int copy = ::fcntl(socket->get(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return system_error("fcntl", errno);
  descriptor_.assign(copy);
  display_ = wl_display_connect_to_fd(socket->release());
  if (display_ == nullptr) return Error(ErrorCode::io, "no connection");
  static constexpr wl_registry_listener globals{on_global, on_global_removed};
  static constexpr wl_callback_listener listed{on_listed};
  registry_ = wl_display_get_registry(display_);
  wl_registry_add_listener(registry_, &globals, this);
  listing_ = wl_display_sync(display_);
  wl_callback_add_listener(listing_, &listed, this);
  return {};
}

asio::awaitable<Error> WaylandConnection::run(User& user) {
  user_ = &user;
  for (;;) {
    wl_display_flush(display_);
    co_await descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
    if (closed_) co_return Error(ErrorCode::cancelled, "closed");
    if (!read()) co_return Error(ErrorCode::unavailable, "the compositor has gone");
    if (ended_) co_return *ended_;
  }
}

void WaylandConnection::flush() { wl_display_flush(display_); }

void WaylandConnection::close() {
  closed_ = true;
  boost::system::error_code ignored;
  descriptor_.close(ignored);
}

void WaylandConnection::on_global(void* data, wl_registry* registry, std::uint32_t name, const char* interface,
                                  std::uint32_t version) {
  static_cast<WaylandConnection*>(data)->user_->on_global(registry, name, interface, version);
}

void WaylandConnection::on_global_removed(void* data, wl_registry*, std::uint32_t name) {
  static_cast<WaylandConnection*>(data)->user_->on_global_removed(name);
}

void WaylandConnection::on_listed(void* data, wl_callback*, std::uint32_t) {
  auto& self = *static_cast<WaylandConnection*>(data);
  wl_callback_destroy(std::exchange(self.listing_, nullptr));
  self.listed_ = true;
  self.user_->on_listed();
}

// Takes what has come and hands it out; false when the connection has ended.
bool WaylandConnection::read() {
  while (wl_display_prepare_read(display_) != 0) {
    if (wl_display_dispatch_pending(display_) < 0) return false;
  }
  // Never waits: the socket does not block, and nothing but this reads it.
  if (wl_display_read_events(display_) < 0 && errno != EAGAIN) return false;
  return wl_display_dispatch_pending(display_) >= 0;
}

}  // namespace gogrid::worker
