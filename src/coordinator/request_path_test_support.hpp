// For tests of the request path: a coordinator's part of it on the loopback interface, and FakeWorker, a test double
// that speaks the worker protocol over real QUIC and answers as the test says.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "base/task_group.hpp"
#include "coordinator/api/inference.hpp"
#include "coordinator/api/kept_streams.hpp"
#include "coordinator/dispatch.hpp"
#include "coordinator/metrics.hpp"
#include "coordinator/registry.hpp"
#include "coordinator/usage.hpp"
#include "coordinator/worker_sessions.hpp"
#include "net/net_test_support.hpp"
#include "net/pki.hpp"
#include "wire/frame.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"

namespace gogrid::coordinator::test {

namespace asio = boost::asio;
namespace quic = net::quic;
using net::test::Answer;
using net::test::fetch;
using net::test::post;
using namespace std::chrono_literals;

// Made once: keys cost time.
struct Authority {
  net::pki::KeyAndCertificate ca = net::pki::create_authority("test CA", std::chrono::system_clock::now(), 24h).value();
  net::pki::KeyAndCertificate server =
      net::pki::issue_server_certificate(ca, {"localhost"}, std::chrono::system_clock::now(), 24h).value();
  std::string worker_key = net::pki::generate_key().value();

  static const Authority& get() {
    static const Authority made;
    return made;
  }
  quic::Credentials server_credentials() const { return {server.certificate, server.private_key, ca.certificate}; }
  quic::Credentials worker_credentials(const std::string& id) const {
    const auto request = net::pki::create_request(worker_key, id).value();
    const auto now = std::chrono::system_clock::now();
    return {net::pki::issue_client_certificate(ca, request, id, now, 1h).value(), worker_key, ca.certificate};
  }
};

class MemoryModelStore final : public store::ModelStore {
 public:
  store::Pending<> put_model(store::ModelRecord) override { co_return Result<void>(); }
  store::Pending<std::vector<store::ModelRecord>> list_models() override {
    co_return std::vector<store::ModelRecord>();
  }
  store::Pending<> remove_model(std::string) override { co_return Result<void>(); }
  store::Pending<> put_alias(store::AliasRecord) override { co_return Result<void>(); }
  store::Pending<std::vector<store::AliasRecord>> list_aliases() override {
    co_return std::vector<store::AliasRecord>();
  }
  store::Pending<> remove_alias(std::string) override { co_return Result<void>(); }
};

class MemoryUsageStore final : public store::UsageStore {
 public:
  store::Pending<> add_usage(std::vector<store::UsageRecord>) override { co_return Result<void>(); }
  store::Pending<std::vector<store::UsageRecord>> list_usage(std::int64_t, std::int64_t, std::string) override {
    co_return std::vector<store::UsageRecord>();
  }
};

// Lets everything else run until `condition` holds.
template <class Condition>
asio::awaitable<void> until(Condition condition) {
  const auto give_up_at = std::chrono::steady_clock::now() + 30s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up_at)
      throw std::runtime_error("what the test waits for did not happen");
    co_await asio::post(asio::use_awaitable);
  }
}

// A work stream as the fake worker sees it.
class FakeWork {
 public:
  explicit FakeWork(std::shared_ptr<quic::Stream> stream) : stream_(std::move(stream)) {}

  wire::WorkRequest request;
  std::string body;

  // The request and all of its body; false when it was cancelled.
  asio::awaitable<bool> read() {
    for (;;) {
      const auto payload = reader_.next();
      if (payload && *payload) {
        const auto frame = wire::decode_frame<wire::CoordinatorWorkFrame>(**payload);
        if (!frame) co_return false;
        if (frame->has_request()) request = frame->request();
        body += frame->data();
        if (body.size() == request.body_bytes()) co_return true;
        continue;
      }
      const auto space = reader_.prepare();
      const auto count = co_await stream_->read_some(space);
      if (!count) co_return false;
      if (*count == 0) co_return false;
      reader_.commit(*count);
    }
  }
  asio::awaitable<bool> respond(int status, std::string content_type) {
    wire::WorkerWorkFrame frame;
    frame.mutable_response()->set_status(static_cast<std::uint32_t>(status));
    frame.mutable_response()->set_content_type(content_type);
    co_return co_await send(wire::encode_frame(frame));
  }
  asio::awaitable<bool> data(std::string text) {
    std::string bytes;
    for (std::string_view left = text; !left.empty(); left.remove_prefix(std::min(left.size(), wire::max_data_bytes)))
      wire::append_data_frame(bytes, left.substr(0, wire::max_data_bytes));
    co_return co_await send(std::move(bytes));
  }
  asio::awaitable<bool> end(std::string error_code = "", std::string detail = "") {
    wire::WorkerWorkFrame frame;
    frame.mutable_end()->set_error_code(error_code);
    frame.mutable_end()->set_detail(detail);
    const bool sent = co_await send(wire::encode_frame(frame));
    (void)co_await stream_->finish();
    co_return sent;
  }
  asio::awaitable<bool> send(std::string bytes) {
    const auto written = co_await stream_->write(as_bytes(bytes));
    co_return written.has_value();
  }
  // True when the coordinator cancels; false when the stream ends in another way.
  asio::awaitable<bool> wait_cancelled() {
    std::byte byte{};
    const auto count = co_await stream_->read_some(std::span(&byte, 1));
    co_return !count;
  }
  void reset() { stream_->reset(7); }

 private:
  std::shared_ptr<quic::Stream> stream_;
  wire::FrameReader reader_;
};

class FakeWorker {
 public:
  using Script = std::function<asio::awaitable<void>(FakeWork&)>;

  FakeWorker(asio::io_context& io, std::string its_id) : id(std::move(its_id)), io_(io), tasks_(io.get_executor()) {}
  ~FakeWorker() {
    disconnect();
    net::test::run(io_, tasks_.wait());
  }

  // Connects and says hello; false when it was refused.
  asio::awaitable<bool> connect(std::uint16_t port) {
    if (!co_await open(port)) co_return false;
    wire::WorkerFrame frame;
    auto& hello = *frame.mutable_hello();
    hello.set_version("0.1.0");
    hello.set_host_name(host_name);
    hello.set_target("linux-x86_64");
    hello.mutable_hardware()->set_memory_bytes(64'000'000'000);
    for (const std::string& feature : features)
      hello.add_features(feature);
    for (const std::uint64_t lease : leases)
      hello.add_leases(lease);
    co_await send(wire::encode_frame(frame));
    tasks_.spawn("control", read_control());
    tasks_.spawn("work", accept_work());
    co_await until([this] { return !assignments.empty() || ended; });
    co_return !ended;
  }
  // The connection and the control stream, without a hello.
  asio::awaitable<bool> open(std::uint16_t port) {
    quic::ConnectOptions options;
    options.host = "127.0.0.1";
    options.port = port;
    options.server_name = net::pki::coordinator_name;
    options.credentials = Authority::get().worker_credentials(id);
    options.transport.max_peer_streams = max_streams;
    auto connected = co_await quic::connect(io_.get_executor(), std::move(options));
    if (!connected) {
      refusal = connected.error();
      co_return false;
    }
    connection = std::move(*connected);
    auto stream = connection->open_stream();
    if (!stream) co_return false;
    control = std::move(*stream);
    tasks_.spawn("closed", watch_closed());
    co_return true;
  }
  asio::awaitable<void> send(std::string bytes) { (void)co_await control->write(as_bytes(bytes)); }

  asio::awaitable<void> report(wire::Phase phase, std::uint32_t slots,
                               wire::Availability availability = wire::AVAILABILITY_AVAILABLE) {
    wire::WorkerFrame frame;
    auto& state = *frame.mutable_state();
    state.set_assignment_revision(assignments.back().revision());
    state.set_availability(availability);
    state.mutable_engine()->set_phase(wire::PHASE_READY);
    for (const auto& assigned : assignments.back().replicas()) {
      auto& replica = *state.add_replicas();
      replica.set_model_id(assigned.model_id());
      replica.set_phase(phase);
      replica.set_slots(slots);
    }
    co_await send(wire::encode_frame(frame));
  }
  asio::awaitable<void> renew() {
    wire::WorkerFrame frame;
    frame.mutable_renew_certificate()->set_certificate_request("a request");
    co_await send(wire::encode_frame(frame));
  }

  void disconnect() {
    if (connection) connection->close(0, "");
  }
  // As a process that is killed: nothing more is said.
  void vanish() {
    control.reset();
    connection.reset();
  }

  const std::string id;
  std::string host_name = id + ".local";
  std::uint64_t max_streams = 1024;
  Script script;
  wire::Welcome welcome;
  std::vector<wire::Assignment> assignments;
  std::string renewed_chain;
  // Named in its hello.
  std::vector<std::uint64_t> leases;
  std::vector<std::uint64_t> released_leases;
  // Named in its hello.
  std::vector<std::string> features;
  // How often it was asked for readings of its hardware.
  std::size_t watches = 0;
  std::size_t started = 0;
  std::size_t finished = 0;
  Error refusal;
  Error closed_with;
  bool ended = false;

  std::shared_ptr<quic::Connection> connection;
  std::shared_ptr<quic::Stream> control;

 private:
  asio::awaitable<void> watch_closed() {
    const auto held = connection;
    closed_with = co_await held->closed();
    ended = true;
  }
  asio::awaitable<void> read_control() {
    const auto held = control;
    wire::FrameReader reader;
    for (;;) {
      const auto payload = reader.next();
      if (payload && *payload) {
        auto frame = wire::decode_frame<wire::CoordinatorFrame>(**payload);
        if (frame->has_welcome()) welcome = frame->welcome();
        if (frame->has_assignment()) assignments.push_back(frame->assignment());
        if (frame->has_watch_hardware()) ++watches;
        for (const std::uint64_t lease : frame->release_leases().leases())
          released_leases.push_back(lease);
        if (frame->has_certificate_renewed()) renewed_chain = frame->certificate_renewed().certificate_chain();
        continue;
      }
      const auto space = reader.prepare();
      const auto count = co_await held->read_some(space);
      if (!count || *count == 0) co_return;
      reader.commit(*count);
    }
  }
  asio::awaitable<void> accept_work() {
    const auto held = connection;
    for (;;) {
      auto stream = co_await held->accept_stream();
      if (!stream) co_return;
      tasks_.spawn("one work", serve(std::move(*stream)));
    }
  }
  asio::awaitable<void> serve(std::shared_ptr<quic::Stream> stream) {
    FakeWork work(std::move(stream));
    ++started;
    const bool whole = co_await work.read();
    if (whole && script) co_await script(work);
    ++finished;
  }

  asio::io_context& io_;
  TaskGroup tasks_;
};

class RequestPathTest : public testing::Test {
 protected:
  RequestPathTest() : library_(store_), tasks_(io_.get_executor()) {
    add_model("tiny", domain::ModelKind::chat);
    add_model("vectors", domain::ModelKind::embedding);
  }
  ~RequestPathTest() override { shut_down(); }

  // After changes to options_ and limits_.
  void start() {
    dispatcher_.emplace(io_.get_executor(), limits_, clock_, metrics_);
    options_.endpoint = {asio::ip::address_v4::loopback(), 0};
    options_.credentials = Authority::get().server_credentials();
    options_.https_port = 8443;
    options_.admit = [this](const std::string& id) -> Result<void> {
      if (revoked_.count(id) > 0) return Error(ErrorCode::permission_denied, "this worker was revoked");
      return {};
    };
    options_.renew = [](std::string id, std::string request) -> asio::awaitable<Result<std::string>> {
      co_return "chain of " + id + " for " + request;
    };
    sessions_ = WorkerSessions::listen(io_.get_executor(), options_, *dispatcher_, metrics_, clock_).value();
    tasks_.spawn("dispatcher", dispatcher_->run());
    tasks_.spawn("sessions", sessions_->run());
    InferenceApi::Options api_options;
    api_options.wait_timeout = wait_timeout_;
    api_options.max_body_bytes = 4 * 1024 * 1024;
    api_options.max_held_bytes = max_held_bytes_;
    api_options.migration = migration_;
    api_.emplace(*dispatcher_, library_, kept_, meter_, metrics_, clock_, api_options);
    server_ =
        std::make_unique<net::test::TestServer>(io_, [this](net::HttpExchange& exchange) { return answer(exchange); });
    client_ = net::make_http_client(io_.get_executor(), server_->endpoint());
    refresh_models();
    dispatcher_->set_engines({domain::EngineBundle{"ee", "cpu", 10, "linux-x86_64"}});
  }

  void shut_down() {
    client_.reset();
    kept_.stop();
    net::test::run(io_, kept_.stopped());
    if (dispatcher_) dispatcher_->stop();
    server_.reset();
    workers_.clear();
    if (sessions_) sessions_->stop();
    net::test::run(io_, tasks_.wait());
  }

  void add_model(const std::string& name, domain::ModelKind kind) {
    store::ModelRecord record;
    record.model = domain::Model{domain::ModelId("m_" + name), name, kind, "sha-" + name, 1'000'000, 2048, 4};
    record.created_at = from_unix_seconds(1'700'000'000);
    net::test::run<Result<void>>(io_, library_.put(std::move(record))).value();
  }
  void refresh_models() {
    std::vector<domain::Model> models;
    for (const auto& entry : library_.list())
      models.push_back(entry->model);
    dispatcher_->set_models(models);
  }

  asio::awaitable<void> answer(net::HttpExchange& exchange) {
    static const std::map<std::string, wire::InferenceEndpoint, std::less<>> endpoints{
        {"/v1/chat/completions", wire::InferenceEndpoint::chat_completions},
        {"/v1/embeddings", wire::InferenceEndpoint::embeddings},
        {"/v1/responses", wire::InferenceEndpoint::responses},
        {"/v1/messages", wire::InferenceEndpoint::messages}};
    ApiRequest request(exchange, random_id("req"),
                       {std::string(exchange.request().path().substr(exchange.request().path().rfind('/') + 1))});
    request.key = key_;
    running_.insert(&request);
    const auto endpoint = endpoints.find(exchange.request().path());
    if (endpoint != endpoints.end()) {
      co_await api_->handle(request, endpoint->second);
    } else if (exchange.request().path() == "/v1/models") {
      co_await api_->list_models(request);
    } else {
      co_await api_->show_model(request);
    }
    running_.erase(&request);
  }

  // A worker with ready replicas of every model.
  FakeWorker& add_worker(const std::string& id, FakeWorker::Script script = {}, std::uint32_t slots = 4) {
    workers_.push_back(std::make_unique<FakeWorker>(io_, id));
    FakeWorker& worker = *workers_.back();
    worker.script = std::move(script);
    run([&]() -> asio::awaitable<void> { co_await connect_ready(worker, slots); });
    return worker;
  }
  asio::awaitable<void> connect_ready(FakeWorker& worker, std::uint32_t slots) {
    const bool connected = co_await worker.connect(port());
    EXPECT_TRUE(connected) << worker.refusal.detail;
    co_await worker.report(wire::PHASE_READY, slots);
    co_await until([&] {
      const auto view = dispatcher_->scheduler().worker(domain::WorkerId(worker.id));
      return view && view->report != nullptr;
    });
  }

  void run(std::function<asio::awaitable<void>()> body) { net::test::run(io_, body()); }
  // A request that runs beside the test; its answer lands in `answer`.
  void spawn_request(std::string body, std::shared_ptr<std::optional<Answer>> answer,
                     std::string path = "/v1/chat/completions") {
    tasks_.spawn("request",
                 [](net::HttpClient* client, std::string its_path, std::string its_body,
                    std::shared_ptr<std::optional<Answer>> its_answer) -> asio::awaitable<void> {
                   *its_answer = co_await fetch(*client, post(its_path, its_body));
                 }(client_.get(), std::move(path), std::move(body), std::move(answer)));
  }
  Answer ask(std::string body, std::string path = "/v1/chat/completions") {
    return net::test::run<Answer>(io_, fetch(*client_, post(std::move(path), std::move(body))));
  }

  std::uint16_t port() const { return sessions_->local_endpoint().port(); }
  domain::Scheduler::Totals totals() const { return dispatcher_->scheduler().totals(); }

  static std::string chat(const std::string& rest = "") { return chat_about("hi", rest); }
  // Another one each time: the same would go to where its KV cache is.
  std::string new_chat() { return chat_about("question " + std::to_string(++chats_), ""); }
  static std::string chat_about(const std::string& what, const std::string& rest) {
    return R"({"model":"tiny","messages":[{"role":"user","content":")" + what + R"("}])" + rest + "}";
  }

  int chats_ = 0;
  asio::io_context io_;
  RealClock clock_;
  Metrics metrics_{std::chrono::system_clock::now()};
  MemoryModelStore store_;
  ModelLibrary library_;
  MemoryUsageStore usage_store_;
  UsageMeter meter_{usage_store_, clock_};
  // Whose requests are.
  std::optional<KeyIdentity> key_;
  domain::SchedulerLimits limits_;
  WorkerSessions::Options options_;
  MigrationLimits migration_;
  KeptStreams kept_{io_.get_executor()};
  std::chrono::milliseconds wait_timeout_{20'000};
  std::size_t max_held_bytes_ = 64 * 1024 * 1024;
  std::set<std::string> revoked_;
  std::set<ApiRequest*> running_;
  TaskGroup tasks_;
  std::optional<Dispatcher> dispatcher_;
  std::unique_ptr<WorkerSessions> sessions_;
  std::optional<InferenceApi> api_;
  std::unique_ptr<net::test::TestServer> server_;
  std::unique_ptr<net::HttpClient> client_;
  std::vector<std::unique_ptr<FakeWorker>> workers_;
};

// A script: the whole of an SSE answer with `count` events.
inline FakeWorker::Script stream_of(int count) {
  return [count](FakeWork& work) -> asio::awaitable<void> {
    if (!co_await work.respond(200, "text/event-stream")) co_return;
    for (int i = 0; i < count; ++i) {
      if (!co_await work.data("data: {\"n\":" + std::to_string(i) + "}\n\n")) co_return;
    }
    co_await work.data("data: [DONE]\n\n");
    co_await work.end();
  };
}

// A script: one JSON answer.
inline FakeWorker::Script json_of(std::string text, int status = 200) {
  return [text, status](FakeWork& work) -> asio::awaitable<void> {
    if (!co_await work.respond(status, "application/json; charset=utf-8")) co_return;
    if (!text.empty()) co_await work.data(text);
    co_await work.end();
  };
}

}  // namespace gogrid::coordinator::test
