// A typed client with a server whose answers a test writes down, and a file to upload. For tests only.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/task_group.hpp"
#include "client/coordinator_client.hpp"
#include "client/test_coordinator.hpp"

namespace gogrid::client {

template <class T>
boost::asio::awaitable<void> keep(boost::asio::awaitable<T> call, std::optional<T>& out) {
  out = co_await std::move(call);
}

// Runs one call to its end.
template <class T>
T wait(boost::asio::io_context& loop, boost::asio::awaitable<T> call) {
  std::optional<T> out;
  TaskGroup tasks(loop.get_executor());
  loop.restart();
  tasks.spawn("call", keep(std::move(call), out));
  while (tasks.size() > 0 && loop.run_one() > 0) {
  }
  return std::move(out).value();
}

class CoordinatorClientTest : public testing::Test {
 protected:
  ClientOptions options() const {
    ClientOptions options;
    options.server = parse_server_url(server_.url()).value();
    options.api_key = "gg_key";
    options.trusted_ca = server_.ca();
    return options;
  }

  template <class T>
  T wait(boost::asio::awaitable<T> call) {
    return client::wait(loop_, std::move(call));
  }

  TestCoordinator server_;
  boost::asio::io_context loop_{1};
  CoordinatorClient client_{loop_.get_executor(), options()};
};

// A file of `size` bytes without a pattern that repeats at part sizes.
class TestFile {
 public:
  explicit TestFile(std::size_t size) : bytes_(size, '\0') {
    std::uint32_t state = 1;
    for (char& byte : bytes_) {
      state = state * 1664525 + 1013904223;
      byte = static_cast<char>(state >> 24);
    }
    char name[] = "/tmp/gogrid-upload-XXXXXX";
    descriptor_ = FileDescriptor(::mkstemp(name));
    ::unlink(name);
    EXPECT_TRUE(write_fully(descriptor_.get(), as_bytes(bytes_)));
  }
  const std::string& bytes() const { return bytes_; }
  int fd() const { return descriptor_.get(); }

 private:
  std::string bytes_;
  FileDescriptor descriptor_;
};

}  // namespace gogrid::client
