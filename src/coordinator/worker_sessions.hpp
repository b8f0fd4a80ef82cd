// WorkerSessions: the QUIC side of the coordinator: takes workers' connections, speaks the control stream of the
// protocol (docs/protocol.md), and hands what workers say to the dispatcher. Owned by the Coordinator, used on the io
// thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/task_group.hpp"
#include "domain/worker.hpp"
#include "net/quic/quic.hpp"

namespace gogrid::coordinator {

class Dispatcher;
class Metrics;

// Application codes of CONNECTION_CLOSE, as docs/protocol.md lists them.
namespace close_code {
inline constexpr std::uint64_t done = 0;
inline constexpr std::uint64_t refused = net::quic::close_code_refused;
inline constexpr std::uint64_t protocol_error = 2;
inline constexpr std::uint64_t replaced = 3;
inline constexpr std::uint64_t going_away = 4;
}  // namespace close_code

class WorkerSessions {
 public:
  struct Options {
    boost::asio::ip::udp::endpoint endpoint;
    net::quic::Credentials credentials;
    // As in quic::ListenOptions.
    std::string reset_secret;
    // Windows and the number of streams are set here; the rest is the caller's.
    net::quic::TransportOptions transport;
    // The HTTPS port that serves blobs.
    std::uint16_t https_port = 0;
    // Hello must be there this long after the connection.
    std::chrono::milliseconds hello_timeout{10'000};
    // permission_denied with a reason for a worker that must not be let in (unknown, revoked). `worker_id` is the
    // verified certificate's common name.
    std::function<Result<void>(const std::string& worker_id)> admit;
    // A new certificate chain for the worker.
    std::function<boost::asio::awaitable<Result<std::string>>(std::string worker_id, std::string certificate_request)>
        renew;
    // The worker is in service with this hello, or was until now; a connection that was replaced ends unsaid.
    std::function<void(const std::string& worker_id, const domain::WorkerFacts&)> on_seen;
    // Those that its administrator gave it.
    std::function<std::map<std::string, std::string>(const std::string& worker_id)> labels;
  };

  // Binds the UDP port; one that is in use is `conflict`. The dispatcher and the metrics outlive it.
  static Result<std::unique_ptr<WorkerSessions>> listen(boost::asio::any_io_executor executor, Options options,
                                                        Dispatcher& dispatcher, Metrics& metrics, const Clock& clock);
  ~WorkerSessions();

  // Serves until stop(), then until every connection has ended.
  boost::asio::awaitable<void> run();
  // Takes no more connections and closes those there are: call it when no request runs any more.
  void stop();

  // Cuts a revoked worker off, at once; ignored when it is not connected.
  void disconnect(std::string_view worker_id, const std::string& reason);

  // Whose ticket it is; nullopt when no connected worker has it. Compares in constant time.
  std::optional<std::string> worker_of_ticket(std::string_view ticket) const;

  struct Connected {
    std::string address;
    std::chrono::microseconds rtt{};
    SystemTime since;
  };
  std::optional<Connected> find(std::string_view worker_id) const;

  // As the worker said last; null when it is not connected. Valid until the next suspension.
  const domain::Hardware* hardware(std::string_view worker_id) const;
  struct Reading {
    domain::HardwareReading reading;
    std::chrono::milliseconds age{};
  };
  // What it told a moment ago; nullopt: nothing, as nobody asked.
  std::optional<Reading> reading(std::string_view worker_id) const;
  // Asks the worker for readings, for a while, and waits for a fresh one: `wait` at most. A worker that does not know
  // how has none.
  boost::asio::awaitable<std::optional<Reading>> read_hardware(std::string worker_id, std::chrono::milliseconds wait);

  Result<void> set_credentials(const net::quic::Credentials& credentials);
  boost::asio::ip::udp::endpoint local_endpoint() const;

 private:
  class Session;

  WorkerSessions(boost::asio::any_io_executor executor, Options options, Dispatcher& dispatcher, Metrics& metrics,
                 const Clock& clock);
  boost::asio::awaitable<void> serve(std::shared_ptr<net::quic::Connection> connection);
  // Handshakes touch memory that connections do not need: after many of them it is given back.
  void give_back_memory();

  boost::asio::any_io_executor executor_;
  Options options_;
  Dispatcher& dispatcher_;
  Metrics& metrics_;
  const Clock& clock_;
  std::unique_ptr<net::quic::Listener> listener_;
  // In service, by worker id.
  std::unordered_map<std::string, std::shared_ptr<Session>> sessions_;
  // All, also those that are not in service yet or any more.
  std::list<Session*> unfinished_;
  TaskGroup tasks_;
  std::size_t greeted_ = 0;
  boost::asio::steady_timer quiet_;
  bool stopping_ = false;
};

}  // namespace gogrid::coordinator
