// Enrols N workers at a coordinator and keeps their connections open, idle, until its standard input ends; prints
// "connected N" when all are. What the coordinator's memory grows by is what they cost.
//   idle_connections PORT N < (join token with N uses, one line)
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/encoding.hpp"
#include "base/task_group.hpp"
#include "domain/join_token.hpp"
#include "net/pki.hpp"
#include "net/quic/quic.hpp"
#include "wire/frame.hpp"
#include "wire/worker_protocol.pb.h"
#include "worker/enrolment.hpp"

namespace {
namespace asio = boost::asio;
using namespace gogrid;

struct Connected {
  std::shared_ptr<net::quic::Connection> connection;
  std::shared_ptr<net::quic::Stream> control;
};

[[noreturn]] void fail(const Error& error) {
  std::fprintf(stderr, "%s\n", error.detail.c_str());
  std::_Exit(1);
}

asio::awaitable<void> connect_one(asio::any_io_executor executor, worker::CoordinatorAddress address, JoinToken token,
                                  int index, std::vector<Connected>* connected) {
  const auto identity = co_await worker::enrol(executor, address, token, "idle-" + std::to_string(index));
  if (!identity) fail(identity.error());
  net::quic::ConnectOptions options;
  options.host = address.host;
  options.port = address.port;
  options.server_name = net::pki::coordinator_name;
  options.credentials.certificate_chain = identity->certificate_chain;
  options.credentials.private_key = identity->private_key;
  options.credentials.trusted_ca = identity->authority;
  auto connection = co_await net::quic::connect(executor, std::move(options));
  if (!connection) fail(connection.error());
  auto control = (*connection)->open_stream();
  if (!control) fail(control.error());
  wire::WorkerFrame hello;
  hello.mutable_hello()->set_version(GOGRID_VERSION);
  hello.mutable_hello()->set_host_name("idle-" + std::to_string(index));
  const std::string frame = wire::encode_frame(hello);
  const auto written = co_await (*control)->write(as_bytes(frame));
  if (!written) fail(written.error());
  std::vector<std::byte> answer(4096);
  const auto count = co_await (*control)->read_some(answer);
  if (!count) fail(count.error());
  connected->push_back({*connection, *control});
}

asio::awaitable<void> connect_all(asio::any_io_executor executor, worker::CoordinatorAddress address, JoinToken token,
                                  int wanted, std::vector<Connected>* connected) {
  for (int i = 0; i < wanted; ++i)
    co_await connect_one(executor, address, token, i, connected);
  std::printf("connected %d\n", wanted);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  std::string line;
  if (argc != 3 || !std::getline(std::cin, line)) {
    std::fputs("usage: idle_connections PORT N, with a join token on standard input\n", stderr);
    return 2;
  }
  auto token = JoinToken::parse(line);
  if (!token) fail(token.error());
  worker::CoordinatorAddress address;
  address.host = "127.0.0.1";
  address.port = static_cast<std::uint16_t>(std::atoi(argv[1]));

  asio::io_context context(1);
  std::vector<Connected> connected;
  TaskGroup tasks(context.get_executor());
  tasks.spawn("connect", connect_all(context.get_executor(), address, *token, std::atoi(argv[2]), &connected));
  std::thread until_end([&] {
    while (std::getline(std::cin, line))
      continue;
    std::_Exit(0);
  });
  context.run();
  until_end.join();
}
