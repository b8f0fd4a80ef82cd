// For tests of the whole coordinator: one in a temporary directory, on a port of the system's choice, with a client of
// its own that trusts its authority. Everything runs on the one loop of the test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/sha256.hpp"
#include "coordinator/coordinator.hpp"
#include "coordinator/data_dir.hpp"
#include "domain/gguf_test_support.hpp"
#include "net/net_test_support.hpp"

namespace gogrid::coordinator::test {

namespace asio = boost::asio;
using nlohmann::json;

// Real time, which a test can push on.
class ShiftedClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return real_.steady_now() + shift; }
  SystemTime system_now() const override { return real_.system_now() + shift; }
  std::chrono::seconds shift{0};

 private:
  RealClock real_;
};

class CoordinatorTest : public testing::Test {
 protected:
  struct Reply {
    int status = 0;
    net::Headers headers;
    std::string body;
    json value;

    std::string code() const {
      return value.is_object() && value.contains("error") ? value["error"].value("code", json()).dump() : "";
    }
    std::string message() const { return value["error"].value("message", ""); }
  };

  CoordinatorTest() {
    config.server.data_dir = directory.path / "data";
    config.server.bind_addr = "127.0.0.1";
    config.server.port = 0;
    auto key = DataDir(config.server.data_dir).initialise({}, clock);
    admin_key = key.value();
    authority = read_file(config.server.data_dir / "ca.pem", 64 * 1024).value();
  }
  ~CoordinatorTest() override { stop(); }

  void start() {
    auto started = net::test::run(io, Coordinator::start(io.get_executor(), config, clock));
    coordinator = std::move(started.value());
    tasks = std::make_unique<TaskGroup>(io.get_executor());
    tasks->spawn("coordinator", coordinator->run());
    client = make_client();
  }
  void stop() {
    if (!coordinator) return;
    client.reset();
    coordinator->stop();
    coordinator->stop();
    net::test::run(io, tasks->wait());
    coordinator.reset();
  }
  void restart() {
    stop();
    start();
  }
  std::unique_ptr<net::HttpClient> make_client() {
    net::ClientTls tls;
    tls.trusted_ca = authority;
    return net::make_http_client(io.get_executor(),
                                 net::HttpEndpoint::https("127.0.0.1", coordinator->endpoint().port(), tls));
  }

  net::HttpClientRequest request(std::string method, std::string target, std::string body = "") {
    net::HttpClientRequest made;
    made.method = std::move(method);
    made.target = std::move(target);
    made.body = std::move(body);
    if (!admin_key.empty()) made.headers.add("Authorization", "Bearer " + admin_key);
    return made;
  }
  Reply send(net::HttpClientRequest made) {
    auto answer = net::test::run(io, net::test::fetch(*client, std::move(made)));
    Reply reply;
    reply.status = answer.status;
    reply.headers = std::move(answer.headers);
    reply.value = json::parse(answer.body, nullptr, false);
    reply.body = std::move(answer.body);
    return reply;
  }
  Reply call(std::string method, std::string target, const json& body = nullptr) {
    return send(request(std::move(method), std::move(target), body.is_null() ? "" : body.dump()));
  }
  // With another key; empty: none.
  Reply call_with_key(std::string key, std::string method, std::string target) {
    const std::string kept = std::exchange(admin_key, std::move(key));
    Reply reply = call(std::move(method), std::move(target));
    admin_key = kept;
    return reply;
  }

  json upload_of(const std::string& file, const std::string& name, const std::string& kind = "model") {
    return {{"kind", kind}, {"name", name}, {"size_bytes", file.size()}, {"sha256", Sha256::hex(as_bytes(file))}};
  }
  // In one go.
  Reply upload(const std::string& file, const std::string& name) {
    Reply begun = call("POST", "/api/v1/uploads", upload_of(file, name));
    if (begun.status != 201) return begun;
    return put(Sha256::hex(as_bytes(file)), 0, file);
  }
  Reply put(const std::string& id, std::size_t offset, std::string bytes) {
    return send(request("PUT", "/api/v1/uploads/" + id + "?offset=" + std::to_string(offset), std::move(bytes)));
  }
  std::size_t files_in(const char* folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(config.server.data_dir / folder))
      ++count;
    return count;
  }

  asio::io_context io{1};
  net::test::TemporaryDirectory directory;
  ShiftedClock clock;
  CoordinatorConfig config;
  std::string admin_key;
  std::string authority;
  std::unique_ptr<Coordinator> coordinator;
  std::unique_ptr<TaskGroup> tasks;
  std::unique_ptr<net::HttpClient> client;
};

}  // namespace gogrid::coordinator::test
