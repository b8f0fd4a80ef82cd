// Session: the worker's connection to its coordinator, made again whenever it is lost: hello and welcome, states out,
// assignments and work in, the certificate renewed in time. Owned by the worker; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "net/quic/quic.hpp"
#include "worker/cache/blob_cache.hpp"
#include "worker/engine/engine_store.hpp"
#include "worker/identity.hpp"
#include "worker/notifier.hpp"

namespace gogrid::wire {
class Assignment;
class CoordinatorFrame;
class Hardware;
class HardwareReading;
class Hello;
class ReleaseLeases;
class WorkerFrame;
class WorkerState;
}  // namespace gogrid::wire

namespace gogrid::worker {

// What the session asks of, and tells, the worker.
class SessionClient {
 public:
  virtual ~SessionClient() = default;
  virtual wire::Hello hello() = 0;
  virtual wire::WorkerState state() = 0;
  // As in the hello, and as it is now.
  virtual wire::Hardware hardware();
  // The coordinator wants readings of the hardware for that long; zero: no more.
  virtual void watch_hardware(std::chrono::seconds) {}
  virtual void connected(BlobSource source) = 0;
  virtual void disconnected() = 0;
  // The coordinator does not want this worker: it was revoked, or its certificate has expired.
  virtual void refused() {}
  // An attempt to connect, or a connection, is over; the next one comes after a pause.
  virtual void settled() {}
  virtual void assigned(const wire::Assignment& assignment) = 0;
  virtual void released(const wire::ReleaseLeases& leases) = 0;
  virtual boost::asio::awaitable<void> serve(std::shared_ptr<net::quic::Stream> stream) = 0;
};

struct SessionOptions {
  Identity identity;
  // Where a renewed certificate is stored.
  std::filesystem::path identity_dir;
  std::string coordinator_host;
  std::uint16_t coordinator_port = 0;
  std::chrono::milliseconds first_retry{1000};
  std::chrono::milliseconds longest_retry{60'000};
};

struct SessionStatus {
  bool connected = false;
  std::chrono::system_clock::time_point since;
  // Why there is no connection, or why the one before was lost.
  std::string last_error;
  std::optional<std::chrono::microseconds> rtt;
  std::chrono::system_clock::time_point certificate_expires;
};

class Session {
 public:
  Session(boost::asio::any_io_executor executor, SessionOptions options, SessionClient& client);
  ~Session();

  // Connects and stays connected until stop().
  boost::asio::awaitable<void> run();
  // Closes the connection; run() returns when what ran on it has ended. While it still connects, cancel the coroutine
  // too.
  void stop();
  // The worker's state is another: it is sent at once, or, when only progress changed, at most twice a second.
  void state_changed(Change change);
  // Said again if it is another than was said.
  void hardware_changed();
  // One that was not sent yet is replaced.
  void send_reading(const wire::HardwareReading& reading);

  SessionStatus status() const;

 private:
  struct Link;

  boost::asio::awaitable<Error> run_connection();
  boost::asio::awaitable<Result<std::shared_ptr<Link>>> open_link();
  boost::asio::awaitable<Result<void>> greet(std::shared_ptr<Link> link);
  boost::asio::awaitable<Result<std::optional<wire::CoordinatorFrame>>> read_frame(std::shared_ptr<Link> link);
  boost::asio::awaitable<void> read_control(std::shared_ptr<Link> link);
  boost::asio::awaitable<void> write_states(std::shared_ptr<Link> link);
  boost::asio::awaitable<bool> write_hardware(std::shared_ptr<Link> link);
  boost::asio::awaitable<void> accept_work(std::shared_ptr<Link> link);
  boost::asio::awaitable<void> renew_certificate(std::shared_ptr<Link> link);
  void take_frame(Link& link, const wire::CoordinatorFrame& frame);
  void take_certificate(const std::string& chain);
  void report_lost(const Error& error);

  boost::asio::any_io_executor executor_;
  SessionOptions options_;
  SessionClient& client_;
  SessionStatus status_;
  std::chrono::system_clock::time_point renew_at_;
  std::shared_ptr<Link> link_;
  bool stopping_ = false;
  Notifier wake_;
};

}  // namespace gogrid::worker
