// Coordinator: the whole server: opens the data directory, makes every part of it and joins them, listens, serves,
// drains. Everything but SQL and files runs on the one thread of its executor.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "coordinator/config.hpp"

namespace gogrid::coordinator {

class Coordinator {
 public:
  // Opens and listens. The error is one line that says what to do: not initialised, in use, port taken, broken
  // certificate, …
  static boost::asio::awaitable<Result<std::unique_ptr<Coordinator>>> start(boost::asio::any_io_executor executor,
                                                                            CoordinatorConfig config,
                                                                            const Clock& clock);
  ~Coordinator();

  // Where it listens, TCP and UDP.
  boost::asio::ip::tcp::endpoint endpoint() const;

  // Serves until stop() and until what runs has ended, or drain_timeout has passed.
  boost::asio::awaitable<void> run();
  // Takes nothing new from now on; a second call cuts off what still runs.
  void stop();
  // Reads tls.cert_path and tls.key_path anew; on an error, which is logged, the old pair stays.
  void reload_certificates();

 private:
  struct Parts;
  explicit Coordinator(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace gogrid::coordinator
