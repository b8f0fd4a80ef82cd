// WaylandConnection: a connection to a Wayland compositor that never makes the event loop wait. Its user hears what the
// compositor has and binds what it needs of that. Used by one coroutine; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

struct wl_callback;
struct wl_display;
struct wl_registry;

namespace gogrid::worker {

class WaylandConnection {
 public:
  // Works with a connection. What it has bound it destroys before the connection goes.
  class User {
   public:
    virtual ~User() = default;
    // The compositor has this, for wl_registry_bind().
    virtual void on_global(wl_registry* registry, std::uint32_t name, std::string_view interface,
                           std::uint32_t version) = 0;
    virtual void on_global_removed(std::uint32_t name) = 0;
    // All was told that the compositor had when it was asked.
    virtual void on_listed() = 0;
  };

  explicit WaylandConnection(boost::asio::any_io_executor executor);
  ~WaylandConnection();
  WaylandConnection(const WaylandConnection&) = delete;
  WaylandConnection& operator=(const WaylandConnection&) = delete;

  // not_found: nothing listens there.
  Result<void> open(const std::string& path);
  // Hands out what comes until the connection ends; why it did. The user outlives the call.
  boost::asio::awaitable<Error> run(User& user);
  // Sends what was asked for; run() does so before it waits.
  void flush();
  bool listed() const { return listed_; }
  // From within what the user is told: run() ends with this when it has told the rest of what came.
  void end(Error why) { ended_ = std::move(why); }
  void close();

 private:
  static void on_global(void* data, wl_registry* registry, std::uint32_t name, const char* interface,
                        std::uint32_t version);
  static void on_global_removed(void* data, wl_registry* registry, std::uint32_t name);
  static void on_listed(void* data, wl_callback* callback, std::uint32_t serial);
  bool read();

  // A duplicate: the library closes its own.
  boost::asio::posix::stream_descriptor descriptor_;
  User* user_ = nullptr;
  wl_display* display_ = nullptr;
  wl_registry* registry_ = nullptr;
  // Answered when all that the compositor has was told.
  wl_callback* listing_ = nullptr;
  std::optional<Error> ended_;
  bool listed_ = false;
  bool closed_ = false;
};

}  // namespace gogrid::worker
