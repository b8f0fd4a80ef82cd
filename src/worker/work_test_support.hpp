// For tests of work: a stream whose other end, and an engine whose every word, is the test's.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "net/http_client.hpp"
#include "net/quic/quic.hpp"
#include "wire/frame.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"
#include "worker/engine_exchange.hpp"
#include "worker/notifier.hpp"

namespace gogrid::worker::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// The coordinator's end is the test.
class FakeStream final : public net::quic::Stream {
 public:
  explicit FakeStream(asio::any_io_executor executor) : changed_(std::move(executor)) {}

  asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> buffer) override {
    while (incoming_.empty() && !ended_ && !over())
      co_await changed_.wait();
    if (over()) co_return Error(ErrorCode::cancelled, "over");
    const std::size_t count = std::min(buffer.size(), incoming_.size());
    std::copy_n(as_bytes(incoming_).begin(), count, buffer.begin());
    incoming_.erase(0, count);
    co_return count;
  }
  asio::awaitable<Result<void>> write(std::span<const std::byte> bytes) override {
    while (blocked_ && !over())
      co_await changed_.wait();
    if (over()) co_return Error(ErrorCode::cancelled, "over");
    written += as_text(bytes);
    co_return Result<void>();
  }
  asio::awaitable<Result<void>> finish() override {
    finished = true;
    co_return Result<void>();
  }
  void close() noexcept override { reset(0); }
  std::int64_t id() const override { return 1; }
  void reset(std::uint64_t) noexcept override {
    closed = true;
    changed_.notify();
  }
  bool lost() const override { return lost_; }

  void feed(std::string bytes) {
    incoming_ += bytes;
    changed_.notify();
  }
  // The coordinator's orderly end.
  void end() {
    ended_ = true;
    changed_.notify();
  }
  // The connection's.
  void lose() {
    lost_ = true;
    changed_.notify();
  }
  // By the coordinator.
  void cancel() {
    cancelled_ = true;
    changed_.notify();
  }
  // The coordinator does not read.
  void block(bool blocked) {
    blocked_ = blocked;
    changed_.notify();
  }

  // What was written, taken apart.
  struct Answer {
    std::optional<wire::WorkResponse> head;
    std::string body;
    std::optional<wire::WorkEnd> end;
  };
  Answer answer() const {
    Answer answer;
    for (std::size_t at = 0; at + 4 <= written.size();) {
      std::size_t length = 0;
      for (std::size_t i = 0; i < 4; ++i)
        length = length << 8 | static_cast<unsigned char>(written[at + i]);
      const auto frame = wire::decode_frame<wire::WorkerWorkFrame>(std::string_view(written).substr(at + 4, length));
      EXPECT_TRUE(frame);
      EXPECT_FALSE(answer.end) << "a frame after the end";
      at += 4 + length;
      if (frame->has_response()) {
        EXPECT_FALSE(answer.head) << "a second head";
        answer.head = frame->response();
      }
      answer.body += frame->data();
      if (frame->has_end()) answer.end = frame->end();
    }
    return answer;
  }

  std::string written;
  bool finished = false;
  bool closed = false;

 private:
  bool over() const { return closed || lost_ || cancelled_; }

  std::string incoming_;
  bool ended_ = false;
  bool lost_ = false;
  bool cancelled_ = false;
  bool blocked_ = false;
  Notifier changed_;
};

// One answer of an engine, which says what the test tells it to.
class FakeEngine final : public net::HttpClient, public std::enable_shared_from_this<FakeEngine> {
 public:
  explicit FakeEngine(asio::any_io_executor executor) : changed_(std::move(executor)) {}

  asio::awaitable<Result<std::unique_ptr<net::HttpResponse>>> send(net::HttpClientRequest request) override {
    ++requests;
    body = std::move(request.body);
    std::string part(1000, '\0');
    while (request.body_source) {
      const std::span buffer(part);
      const auto count = co_await request.body_source(std::as_writable_bytes(buffer));
      if (!count) co_return count.error();
      if (*count == 0) break;
      body += part.substr(0, *count);
    }
    while (!head_)
      co_await changed_.wait();
    std::unique_ptr<net::HttpResponse> response = std::make_unique<Response>(shared_from_this(), *head_);
    co_return response;
  }

  void respond(int status, const std::string& content_type) {
    head_.emplace();
    head_->status = status;
    head_->headers.add("Content-Type", content_type);
    changed_.notify();
  }
  void say(std::string_view bytes) {
    said_ += bytes;
    changed_.notify();
  }
  void end() {
    ended_ = true;
    changed_.notify();
  }
  void die() {
    dead_ = true;
    changed_.notify();
  }
  // All that was said was read.
  bool heard() const { return said_.empty(); }

  FindEngine find() {
    return [this](const ReplicaKey&) -> Result<EngineUse> {
      EngineUse use;
      use.client = shared_from_this();
      use.hold = std::shared_ptr<void>(&holds_, [this](void*) { --holds_; });
      ++holds_;
      use.suspect = [] {};
      use.given_up = [] { return std::optional<Error>(); };
      use.answered = [this](std::uint64_t tokens, bool whole) { answers.emplace_back(tokens, whole); };
      return use;
    };
  }
  bool in_use() const { return holds_ > 0; }

  int requests = 0;
  std::string body;
  // What was told of them: tokens, and whether they were whole.
  std::vector<std::pair<std::uint64_t, bool>> answers;

 private:
  class Response final : public net::HttpResponse {
   public:
    Response(std::shared_ptr<FakeEngine> engine, net::ResponseHead head)
        : engine_(std::move(engine)), head_(std::move(head)) {}
    const net::ResponseHead& head() const override { return head_; }
    asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> buffer) override {
      FakeEngine& engine = *engine_;
      while (engine.said_.empty() && !engine.ended_ && !engine.dead_)
        co_await engine.changed_.wait();
      if (engine.said_.empty() && engine.dead_) co_return Error(ErrorCode::protocol, "cut short");
      const std::size_t count = std::min(buffer.size(), engine.said_.size());
      std::copy_n(as_bytes(engine.said_).begin(), count, buffer.begin());
      engine.said_.erase(0, count);
      co_return count;
    }
    asio::awaitable<Result<std::string>> read_all(std::size_t) override { co_return std::string(); }
    bool done() const override { return false; }
    void pause() noexcept override {}
    void close() noexcept override {}

   private:
    std::shared_ptr<FakeEngine> engine_;
    net::ResponseHead head_;
  };

  std::optional<net::ResponseHead> head_;
  std::string said_;
  bool ended_ = false;
  bool dead_ = false;
  int holds_ = 0;
  Notifier changed_;
};

// With a lease it is a job's.
inline std::string work_request(std::uint64_t body_bytes, std::uint64_t lease = 0,
                                const std::string& path = "/v1/chat/completions") {
  wire::CoordinatorWorkFrame frame;
  auto& message = *frame.mutable_request();
  message.set_request_id("req_1");
  message.set_model_id("m_1");
  message.set_method("POST");
  message.set_path(path);
  message.set_body_bytes(body_bytes);
  message.set_lease(lease);
  return wire::encode_frame(frame);
}
inline std::string resume_request(std::uint64_t lease) {
  wire::CoordinatorWorkFrame frame;
  frame.mutable_request()->set_lease(lease);
  frame.mutable_request()->set_resume(true);
  return wire::encode_frame(frame);
}
inline std::string data_frame(const std::string& text) {
  std::string frame;
  wire::append_data_frame(frame, text);
  return frame;
}

template <class Condition>
void run_until(asio::io_context& io, Condition condition) {
  const auto limit = std::chrono::steady_clock::now() + 20s;
  while (!condition() && std::chrono::steady_clock::now() < limit) {
    // It stops when there is nothing to wait for: a pool may still have something to say.
    if (io.stopped()) io.restart();
    io.run_one_for(100ms);
  }
  EXPECT_TRUE(condition()) << "what the test waits for did not happen";
}

}  // namespace gogrid::worker::test
