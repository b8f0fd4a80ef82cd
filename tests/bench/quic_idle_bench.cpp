// What an idle QUIC connection costs: N clients in a child process, each with one open stream, connect to a server in
// this one; prints what the server's (and the clients') resident and allocated memory grew by, per connection. Then the
// speed of one stream.
//   quic_idle_bench [N]
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "net/pki.hpp"
#include "net/quic/quic.hpp"

namespace {
namespace asio = boost::asio;
using namespace gogrid;
using namespace gogrid::net;
using namespace std::chrono_literals;

constexpr std::size_t transfer_bytes = 400'000'000;

struct Open {
  std::shared_ptr<quic::Connection> connection;
  std::shared_ptr<quic::Stream> stream;
};

struct Memory {
  std::size_t resident = 0;
  std::size_t allocated = 0;
};

Memory memory() {
  ::malloc_trim(0);
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return {resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)), ::mallinfo2().uordblks};
}

void report(const char* who, const Memory& before, const Memory& after, int count) {
  std::printf("%s: %.1f KB resident, %.1f KB allocated per idle connection\n", who,
              static_cast<double>(after.resident - before.resident) / 1000 / count,
              static_cast<double>(after.allocated - before.allocated) / 1000 / count);
  std::fflush(stdout);
}

asio::awaitable<void> pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> clients(quic::ConnectOptions options, int count) {
  const auto executor = co_await asio::this_coro::executor;
  const Memory before = memory();
  std::vector<Open> all;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) {
    quic::ConnectOptions copy = options;
    Open open;
    open.connection = (co_await quic::connect(executor, std::move(copy))).value();
    open.stream = open.connection->open_stream().value();
    std::array<std::byte, 100> hello{};
    (co_await open.stream->write(hello)).value();
    (co_await open.stream->read_some(hello)).value();
    all.push_back(std::move(open));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%.0f connections/s, one after the other, both ends on this machine\n", count / took.count());
  co_await pause(2s);
  report("client", before, memory(), count);
  std::vector<std::byte> block(64 * 1024);
  for (std::size_t sent = 0; sent < transfer_bytes; sent += block.size()) {
    (co_await all.front().stream->write(block)).value();
  }
  (co_await all.front().stream->finish()).value();
  (co_await all.front().stream->read_some(block)).value();
}

asio::awaitable<void> server(quic::Listener* listener, int count, asio::io_context* io) {
  const Memory before = memory();
  std::vector<Open> all;
  for (int i = 0; i < count; ++i) {
    Open open;
    open.connection = (co_await listener->accept()).value();
    open.stream = (co_await open.connection->accept_stream()).value();
    std::array<std::byte, 100> hello{};
    (co_await open.stream->read_some(hello)).value();
    (co_await open.stream->write(hello)).value();
    all.push_back(std::move(open));
  }
  co_await pause(1500ms);
  report("server", before, memory(), count);
  std::vector<std::byte> block(64 * 1024);
  std::size_t total = 0;
  std::chrono::steady_clock::time_point start;
  for (;;) {
    const std::size_t got = (co_await all.front().stream->read_some(block)).value();
    if (total == 0) start = std::chrono::steady_clock::now();
    if (got == 0) break;
    total += got;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("one stream: %.0f MB/s\n", static_cast<double>(total) / 1e6 / took.count());
  (co_await all.front().stream->finish()).value();
  co_await pause(100ms);
  io->stop();
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 1000;
  const auto now = std::chrono::system_clock::now();
  const auto authority = pki::create_authority("bench", now, 24h).value();
  const auto issued = pki::issue_server_certificate(authority, {}, now, 24h).value();
  const std::string key = pki::generate_key().value();
  const std::string request = pki::create_request(key, "wk_bench").value();
  quic::ConnectOptions to;
  to.host = "127.0.0.1";
  to.server_name = pki::coordinator_name;
  to.credentials.certificate_chain = pki::issue_client_certificate(authority, request, "wk_bench", now, 24h).value();
  to.credentials.private_key = key;
  to.credentials.trusted_ca = authority.certificate;

  int ports[2];
  if (::pipe(ports) != 0) return 1;
  const pid_t child = ::fork();
  asio::io_context io(1);
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::read(ports[0], &to.port, sizeof to.port) != sizeof to.port) return 1;
    asio::co_spawn(io, clients(std::move(to), count), asio::detached);
    io.run();
    return 0;
  }
  quic::ListenOptions options;
  options.endpoint = {asio::ip::address_v4::loopback(), 0};
  options.credentials = {issued.certificate, issued.private_key, authority.certificate};
  auto listener = quic::listen(io.get_executor(), std::move(options)).value();
  const std::uint16_t port = listener->local_endpoint().port();
  if (::write(ports[1], &port, sizeof port) != sizeof port) return 1;
  asio::co_spawn(io, server(listener.get(), count, &io), asio::detached);
  io.run();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}
