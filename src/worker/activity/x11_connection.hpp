// X11Connection: a connection to an X server that never makes the event loop wait: only the handshake blocks, on a
// pool, for a bounded time. Used by one coroutine at a time; event loop thread.
#pragma once

#include <xcb/xcb.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace gogrid::worker {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
// What the X library gives away: events and replies.
template <class T>
using XPointer = std::unique_ptr<T, FreeMemory>;

struct X11Address {
  std::filesystem::path socket;
  // Tried one after the other, and then none.
  std::vector<std::string> cookies;
};

class X11Connection {
 public:
  // Loads what the server says of the extensions too, so that later calls that use them do not wait for it. not_found:
  // nothing listens there; permission_denied: it wants another cookie.
  static boost::asio::awaitable<Result<std::unique_ptr<X11Connection>>> open(boost::asio::any_io_executor executor,
                                                                             boost::asio::thread_pool& pool,
                                                                             X11Address address,
                                                                             std::vector<xcb_extension_t*> extensions);
  ~X11Connection();
  X11Connection(const X11Connection&) = delete;
  X11Connection& operator=(const X11Connection&) = delete;

  // For requests; they are sent when this next waits.
  xcb_connection_t* get() const { return connection_; }
  bool has(xcb_extension_t* extension) const;
  // Completes with an event, or with none after wake(); the error when the server is gone or this was closed.
  boost::asio::awaitable<Result<XPointer<xcb_generic_event_t>>> next_event();
  // The reply to a request by its cookie's sequence number; the request's own failure is `unsupported`.
  template <class Reply>
  boost::asio::awaitable<Result<XPointer<Reply>>> reply(unsigned int sequence) {
    auto received = co_await any_reply(sequence);
    if (!received) co_return received.error();
    co_return XPointer<Reply>(static_cast<Reply*>(received->release()));
  }
  // Makes next_event() complete, now or when it is called next.
  void wake();
  void close();

 private:
  X11Connection(boost::asio::any_io_executor executor, xcb_connection_t* connection);
  boost::asio::awaitable<Result<XPointer<void>>> any_reply(unsigned int sequence);
  // Until there is something to read; the error when there will be no more.
  boost::asio::awaitable<Result<void>> more();

  xcb_connection_t* connection_;
  // A duplicate: the library closes its own.
  boost::asio::posix::stream_descriptor descriptor_;
  bool woken_ = false;
  bool closed_ = false;
};

}  // namespace gogrid::worker
