#include "worker/activity/x11_connection.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xcb/xcbext.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/blocking.hpp"
#include "base/file.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

// A server that is stopped or swapped out may take long; the pool is not ours alone.
constexpr std::chrono::seconds handshake_limit{3};
constexpr std::string_view cookie_kind = "MIT-MAGIC-COOKIE-1";

Result<FileDescriptor> connect_to(std::string path, bool abstract) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (abstract) path.insert(path.begin(), '\0');
  if (path.size() >= sizeof address.sun_path) return Error(ErrorCode::invalid_argument, "too long a socket name");
  std::memcpy(address.sun_path, path.data(), path.size());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_error("socket", errno);
  // An abstract name ends with its length; a path's end is its NUL.
  const auto length = offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length)) != 0) {
    // Its queue may be full for the moment; nothing behind a socket's name is as good as no name.
    if (errno == ECONNREFUSED || errno == ENOENT) return Error(ErrorCode::not_found, "no X server listens there");
    return system_error("connect", errno);
  }
  return socket;
}

// Takes the descriptor.
Result<xcb_connection_t*> shake_hands(int fd, std::string cookie, const std::vector<xcb_extension_t*>& extensions) {
  std::string kind(cookie_kind);
  xcb_auth_info_t authority{};
  authority.namelen = static_cast<int>(kind.size());
  authority.name = kind.data();
  authority.datalen = static_cast<int>(cookie.size());
  authority.data = cookie.data();
  xcb_connection_t* connection = xcb_connect_to_fd(fd, cookie.empty() ? nullptr : &authority);
  for (xcb_extension_t* extension : extensions)
    xcb_prefetch_extension_data(connection, extension);
  for (xcb_extension_t* extension : extensions)
    xcb_get_extension_data(connection, extension);
  if (xcb_connection_has_error(connection) == 0) return connection;
  xcb_disconnect(connection);
  return Error(ErrorCode::permission_denied, "the X server refuses us");
}

}  // namespace

asio::awaitable<Result<std::unique_ptr<X11Connection>>> X11Connection::open(asio::any_io_executor executor,
                                                                            asio::thread_pool& pool, X11Address address,
                                                                            std::vector<xcb_extension_t*> extensions) {
  address.cookies.emplace_back();
  for (const std::string& cookie : address.cookies) {
    auto socket = connect_to(address.socket.string(), false);
    // Where the directory of sockets cannot be written, servers have the abstract name only.
    if (!socket && socket.error().code == ErrorCode::not_found) socket = connect_to(address.socket.string(), true);
    if (!socket) co_return socket.error();
    auto guard = std::make_shared<FileDescriptor>(::fcntl(socket->get(), F_DUPFD_CLOEXEC, 0));
    if (!*guard) co_return system_error("fcntl", errno);
    asio::steady_timer limit(executor, handshake_limit);
    limit.async_wait([guard](boost::system::error_code failure) {
      if (!failure) ::shutdown(guard->get(), SHUT_RDWR);
    });
    auto work = [fd = socket->release(), cookie, extensions] { return shake_hands(fd, cookie, extensions); };
    auto connected = co_await run_blocking(pool, std::move(work));
    const bool in_time = limit.cancel() > 0;
    if (connected && in_time) co_return std::unique_ptr<X11Connection>(new X11Connection(executor, *connected));
    if (connected) xcb_disconnect(*connected);
    if (!in_time) co_return Error(ErrorCode::timeout, "the X server does not answer");
  }
  co_return Error(ErrorCode::permission_denied, "the X server refuses this user");
}

X11Connection::X11Connection(asio::any_io_executor executor, xcb_connection_t* connection)
    : connection_(connection), descriptor_(executor) {
  const int copy = ::fcntl(xcb_get_file_descriptor(connection), F_DUPFD_CLOEXEC, 0);
  if (copy >= 0) descriptor_.assign(copy);
}

X11Connection::~X11Connection() { xcb_disconnect(connection_); }

bool X11Connection::has(xcb_extension_t* extension) const {
  const auto* data = xcb_get_extension_data(connection_, extension);
  return data != nullptr && data->present != 0;
}

asio::awaitable<Result<XPointer<xcb_generic_event_t>>> X11Connection::next_event() {
  for (;;) {
    if (XPointer<xcb_generic_event_t> event(xcb_poll_for_event(connection_)); event) co_return std::move(event);
    if (std::exchange(woken_, false)) co_return XPointer<xcb_generic_event_t>();
    if (auto waited = co_await more(); !waited) co_return waited.error();
  }
}

asio::awaitable<Result<XPointer<void>>> X11Connection::any_reply(unsigned int sequence) {
  for (;;) {
    void* reply = nullptr;
    xcb_generic_error_t* error = nullptr;
    if (xcb_poll_for_reply(connection_, sequence, &reply, &error) != 0) {
      const XPointer<xcb_generic_error_t> failed(error);
      if (reply == nullptr) co_return Error(ErrorCode::unsupported, "the X server refuses a request");
      co_return XPointer<void>(reply);
    }
    if (auto waited = co_await more(); !waited) co_return waited.error();
  }
}

asio::awaitable<Result<void>> X11Connection::more() {
  xcb_flush(connection_);
  if (closed_ || !descriptor_.is_open()) co_return Error(ErrorCode::cancelled, "closed");
  if (xcb_connection_has_error(connection_) != 0) co_return Error(ErrorCode::unavailable, "the X server has gone");
  co_await descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
  if (closed_) co_return Error(ErrorCode::cancelled, "closed");
  co_return Result<void>();
}

void X11Connection::wake() {
  woken_ = true;
  boost::system::error_code ignored;
  descriptor_.cancel(ignored);
}

void X11Connection::close() {
  closed_ = true;
  boost::system::error_code ignored;
  descriptor_.close(ignored);
}

}  // namespace gogrid::worker
