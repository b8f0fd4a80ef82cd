// Arbitrary datagrams at a QUIC server: header parsing, version negotiation, Retry tokens, stateless resets and first
// packets. The input is a sequence of datagrams, each after two bytes of length; they go through the loopback
// interface.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/log.hpp"
#include "net/pki.hpp"
#include "net/quic/quic.hpp"

namespace {
namespace asio = boost::asio;
using namespace gogrid;

struct Server {
  Server() {
    LogOptions quiet;
    quiet.level = "off";
    if (!start_logging(quiet)) std::abort();
    const auto now = std::chrono::system_clock::now();
    const auto authority = net::pki::create_authority("fuzz", now, std::chrono::hours(24)).value();
    const auto issued = net::pki::issue_server_certificate(authority, {}, now, std::chrono::hours(24)).value();
    net::quic::ListenOptions options;
    options.endpoint = {asio::ip::address_v4::loopback(), 0};
    options.credentials = {issued.certificate, issued.private_key, authority.certificate};
    // Short, so that state comes and goes while the fuzzer runs; few, so that Retry is reached.
    options.transport.handshake_timeout = std::chrono::milliseconds(50);
    options.max_handshakes = 8;
    listener = net::quic::listen(io.get_executor(), std::move(options)).value();
    attacker.open(asio::ip::udp::v4());
    attacker.bind({asio::ip::address_v4::loopback(), 0});
    attacker.non_blocking(true);
  }

  asio::io_context io{1};
  std::unique_ptr<net::quic::Listener> listener;
  asio::ip::udp::socket attacker{io};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Server& server = *new Server;
  std::span rest(data, size);
  while (rest.size() > 2) {
    const std::size_t length = std::min<std::size_t>((rest[0] << 8 | rest[1]) % 2048, rest.size() - 2);
    boost::system::error_code ignored;
    server.attacker.send_to(asio::buffer(rest.data() + 2, length), server.listener->local_endpoint(), 0, ignored);
    rest = rest.subspan(2 + length);
    server.io.poll();
  }
  std::uint8_t answer[2048];
  boost::system::error_code error;
  while (!error)
    server.attacker.receive(asio::buffer(answer), 0, error);
  return 0;
}
