// A client and a server of ours, and between them a network that does what the input says: it loses, repeats, delays,
// joins, cuts and changes their datagrams, turns them back and brings others. Whatever it does, no byte of a stream is
// another than was sent, and only who has a certificate is let in; as long as it only repeats, all arrives.
//
// The input is a byte of settings, and then steps: a byte with what is done (3 bits) and how many datagrams pass
// unchanged before (5 bits), and what that needs. When no step is left all datagrams pass.
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/task_group.hpp"
#include "net/pki.hpp"
#include "net/quic/quic.hpp"

namespace {
namespace asio = boost::asio;
namespace quic = gogrid::net::quic;
using asio::ip::udp;
using gogrid::TaskGroup;

constexpr std::size_t max_datagram_bytes = 2048;
constexpr std::size_t max_datagrams = 256;
constexpr const char* worker_name = "wk_fuzz";

void check(bool holds) {
  if (!holds) std::abort();
}

struct Certificates {
  Certificates() {
    using namespace std::chrono_literals;
    gogrid::LogOptions quiet;
    quiet.level = "off";
    check(gogrid::start_logging(quiet).has_value());
    const auto now = std::chrono::system_clock::now();
    const auto authority = gogrid::net::pki::create_authority("fuzz", now, 24h).value();
    const auto issued = gogrid::net::pki::issue_server_certificate(authority, {}, now, 24h).value();
    server = {issued.certificate, issued.private_key, authority.certificate};
    const std::string key = gogrid::net::pki::generate_key().value();
    const std::string request = gogrid::net::pki::create_request(key, worker_name).value();
    client = {gogrid::net::pki::issue_client_certificate(authority, request, worker_name, now, 24h).value(), key,
              authority.certificate};
  }

  quic::Credentials server;
  quic::Credentials client;
};

using Datagram = std::vector<std::uint8_t>;

// Takes bytes off the front of the input; zeros when it is at its end.
class Script {
 public:
  explicit Script(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::size_t number() {
    const unsigned high = byte();
    return high << 8 | byte();
  }
  std::span<const std::uint8_t> bytes(std::size_t count) {
    const auto taken = bytes_.first(std::min(count, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

class Network {
 public:
  Network(asio::io_context& io, Script script) : script_(script), to_client_(open(io)), to_server_(open(io)) {
    next_step();
  }

  void set_server(const udp::endpoint& server) { server_ = server; }
  // Where the client finds the server.
  udp::endpoint endpoint() const { return to_client_.local_endpoint(); }
  // It only repeated, as yet.
  bool harmless() const { return harmless_; }

  // Passes on what has come; false: nothing has.
  bool pass() {
    bool passed = false;
    while (seen_.size() < max_datagrams && (take(to_client_, client_, true) || take(to_server_, from_server_, false)))
      passed = true;
    return passed;
  }
  // What was delayed; false: nothing was.
  bool release() {
    if (!held_) return false;
    const Datagram datagram = *std::exchange(held_, std::nullopt);
    send(datagram, held_to_server_);
    return true;
  }

 private:
  enum class Step { repeat, lose, delay, join, change, cut, bring, turn_back };

  static udp::socket open(asio::io_context& io) {
    udp::socket socket(io, udp::endpoint(asio::ip::address_v4::loopback(), 0));
    socket.non_blocking(true);
    return socket;
  }

  bool take(udp::socket& socket, udp::endpoint& from, bool to_server) {
    Datagram datagram(max_datagram_bytes);
    boost::system::error_code none;
    datagram.resize(socket.receive_from(asio::buffer(datagram), from, 0, none));
    if (none) return false;
    seen_.push_back(datagram);
    if (!step_ || wait_ > 0) {
      wait_ -= step_ ? 1 : 0;
      send(datagram, to_server);
    } else {
      take_step(*step_, std::move(datagram), to_server);
      next_step();
    }
    return true;
  }

  void next_step() {
    step_.reset();
    if (script_.empty()) return;
    const std::uint8_t byte = script_.byte();
    step_ = static_cast<Step>(byte & 7);
    wait_ = byte >> 3;
  }

  void take_step(Step step, Datagram datagram, bool to_server) {
    harmless_ = harmless_ && step == Step::repeat;
    if (step == Step::lose) return;
    if (step == Step::repeat) send(seen_[script_.byte() % seen_.size()], to_server);
    if (step == Step::turn_back) send(datagram, !to_server);
    if (step == Step::delay) {
      release();
      held_ = std::move(datagram);
      held_to_server_ = to_server;
      return;
    }
    if (step == Step::join) {
      const Datagram& first = seen_[script_.byte() % seen_.size()];
      datagram.insert(datagram.begin(), first.begin(), first.end());
    }
    if (step == Step::change && !datagram.empty()) {
      std::uint8_t& byte = datagram[script_.number() % datagram.size()];
      byte ^= script_.byte();
    }
    if (step == Step::cut) datagram.resize(script_.number() % (datagram.size() + 1));
    if (step == Step::bring) {
      const auto bytes = script_.bytes(script_.number() % max_datagram_bytes);
      send(Datagram(bytes.begin(), bytes.end()), to_server);
    }
    send(datagram, to_server);
  }

  void send(const Datagram& datagram, bool to_server) {
    boost::system::error_code ignored;
    if (to_server) {
      to_server_.send_to(asio::buffer(datagram), server_, 0, ignored);
    } else {
      to_client_.send_to(asio::buffer(datagram), client_, 0, ignored);
    }
  }

  Script script_;
  udp::socket to_client_;
  udp::socket to_server_;
  udp::endpoint client_;
  udp::endpoint server_;
  udp::endpoint from_server_;
  // All that came, in order.
  std::vector<Datagram> seen_;
  std::optional<Step> step_;
  unsigned wait_ = 0;
  std::optional<Datagram> held_;
  bool held_to_server_ = false;
  bool harmless_ = true;
};

// Larger than a datagram, smaller than what may be sent before the first acknowledgement.
const std::string& text() {
  static const std::string made = [] {
    std::string long_text;
    while (long_text.size() < 4000)
      long_text += std::to_string(long_text.size()) + " ";
    return long_text;
  }();
  return made;
}

// Reads to the end, and no other bytes than text() has; false when the end does not come.
asio::awaitable<bool> read_text(std::shared_ptr<quic::Stream> stream) {
  std::string read;
  std::string buffer(1024, '\0');
  for (;;) {
    const auto count = co_await stream->read_some(std::as_writable_bytes(std::span(buffer)));
    if (!count) co_return false;
    read.append(buffer, 0, *count);
    check(text().starts_with(read));
    if (*count > 0) continue;
    check(read == text());
    co_return true;
  }
}

asio::awaitable<bool> write_text(std::shared_ptr<quic::Stream> stream) {
  const auto written = co_await stream->write(gogrid::as_bytes(text()));
  if (!written) co_return false;
  const auto finished = co_await stream->finish();
  co_return finished.has_value();
}

asio::awaitable<void> serve(quic::Listener& listener) {
  for (;;) {
    const auto connection = co_await listener.accept();
    if (!connection) co_return;
    check((*connection)->peer().common_name == worker_name);
    const auto stream = co_await (*connection)->accept_stream();
    if (!stream) continue;
    const bool read = co_await read_text(*stream);
    if (!read) continue;
    const bool written = co_await write_text(*stream);
    if (written) (void)co_await (*connection)->closed();
  }
}

asio::awaitable<void> talk(quic::ConnectOptions options, bool& done) {
  const auto executor = co_await asio::this_coro::executor;
  const auto connection = co_await quic::connect(executor, std::move(options));
  if (!connection) co_return;
  const auto stream = (*connection)->open_stream();
  if (!stream) co_return;
  const bool written = co_await write_text(*stream);
  if (written) done = co_await read_text(*stream);
}

void run(asio::io_context& io, Network& network, const TaskGroup& client) {
  using namespace std::chrono_literals;
  const auto late = std::chrono::steady_clock::now() + 8s;
  while (client.size() > 0 && std::chrono::steady_clock::now() < late) {
    bool goes_on = io.poll() > 0;
    goes_on = network.pass() || goes_on;
    // Acknowledgements and paced packets wait for a moment.
    if (!goes_on) goes_on = network.release() || io.run_one_for(3ms) > 0 || network.harmless();
    if (!goes_on) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace std::chrono_literals;
  static const Certificates certificates;
  Script script({data, size});
  const std::uint8_t settings = script.byte();
  asio::io_context io{1};
  Network network(io, script);
  quic::ListenOptions listening;
  listening.endpoint = {asio::ip::address_v4::loopback(), 0};
  listening.credentials = certificates.server;
  // One: each client has to prove its address by a Retry.
  listening.max_handshakes = (settings & 1) != 0 ? 1 : 256;
  const auto listener = quic::listen(io.get_executor(), std::move(listening)).value();
  network.set_server(listener->local_endpoint());
  quic::ConnectOptions connecting;
  connecting.host = "127.0.0.1";
  connecting.port = network.endpoint().port();
  connecting.server_name = gogrid::net::pki::coordinator_name;
  connecting.credentials = certificates.client;
  TaskGroup server(io.get_executor());
  TaskGroup client(io.get_executor());
  bool done = false;
  server.spawn("server", serve(*listener));
  client.spawn("client", talk(std::move(connecting), done));
  run(io, network, client);
  check(done || !network.harmless());
  client.cancel();
  server.cancel();
  while (client.size() + server.size() > 0)
    io.run_one();
  return 0;
}
