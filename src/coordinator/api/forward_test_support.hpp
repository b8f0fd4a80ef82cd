// ForwardTest: an HTTP client, the coordinator's request path and FakeWorkers over real QUIC, for the tests of Forward.
#pragma once

#include <nlohmann/json.hpp>

#include "coordinator/api/forward.hpp"
#include "coordinator/request_path_test_support.hpp"

namespace gogrid::coordinator::test {

class ForwardTest : public RequestPathTest {
 protected:
  // Reads a response bit by bit, as a client that watches a stream.
  struct Reading {
    std::unique_ptr<net::HttpResponse> response;
    std::string text;
  };
  asio::awaitable<Reading> begin_request(std::string body, std::string path = "/v1/chat/completions") {
    auto response = co_await client_->send(post(path, body));
    Reading reading;
    if (response) reading.response = std::move(*response);
    co_return reading;
  }
  // Until `mark` is there, or the end; false then.
  static asio::awaitable<bool> read_until(Reading& reading, std::string mark) {
    while (reading.text.find(mark) == std::string::npos) {
      char buffer[4096];
      const auto space = std::as_writable_bytes(std::span(buffer));
      const auto count = co_await reading.response->read_some(space);
      if (!count || *count == 0) co_return false;
      reading.text.append(buffer, *count);
    }
    co_return true;
  }
  asio::awaitable<void> wait_idle() {
    co_await until([this] { return totals().slots_busy == 0 && totals().requests_waiting == 0; });
  }
};

}  // namespace gogrid::coordinator::test
