// A work stream ends in order when its answer was given, and at once when the coordinator breaks the protocol or goes
// away.
#include "worker/work.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <string>

#include "base/encoding.hpp"
#include "base/task_group.hpp"
#include "wire/frame.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"
#include "worker/notifier.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// The coordinator's end is the test.
class FakeStream final : public net::ByteStream {
 public:
  explicit FakeStream(asio::any_io_executor executor) : changed_(std::move(executor)) {}

  asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> buffer) override {
    while (incoming_.empty() && !ended_ && !closed && !lost_)
      co_await changed_.wait();
    if (closed || lost_) co_return Error(ErrorCode::cancelled, "over");
    const std::size_t count = std::min(buffer.size(), incoming_.size());
    std::copy_n(as_bytes(incoming_).begin(), count, buffer.begin());
    incoming_.erase(0, count);
    co_return count;
  }
  asio::awaitable<Result<void>> write(std::span<const std::byte> bytes) override {
    written += as_text(bytes);
    co_return Result<void>();
  }
  asio::awaitable<Result<void>> finish() override {
    finished = true;
    co_return Result<void>();
  }
  void close() noexcept override {
    closed = true;
    changed_.notify();
  }

  void feed(std::string bytes) {
    incoming_ += bytes;
    changed_.notify();
  }
  void end() {
    ended_ = true;
    changed_.notify();
  }
  void lose() {
    lost_ = true;
    changed_.notify();
  }

  std::string written;
  bool finished = false;
  bool closed = false;

 private:
  std::string incoming_;
  bool ended_ = false;
  bool lost_ = false;
  Notifier changed_;
};

class WorkTest : public testing::Test {
 protected:
  WorkTest() {
    tasks_.spawn("work", serve());
    io_.poll();
  }

  asio::awaitable<void> serve() {
    FindReplica find = [](const std::string&) -> Result<std::shared_ptr<Replica>> {
      return Error(ErrorCode::unavailable, "no such replica");
    };
    co_await serve_work(io_.get_executor(), stream_, std::move(find));
    done_ = true;
  }
  void run_until(const bool& flag) {
    const auto limit = std::chrono::steady_clock::now() + 20s;
    while (!flag && std::chrono::steady_clock::now() < limit)
      io_.run_one_for(1s);
    EXPECT_TRUE(flag);
  }
  static std::string request(std::uint64_t body_bytes, const std::string& path = "/v1/chat/completions") {
    wire::CoordinatorWorkFrame frame;
    auto& message = *frame.mutable_request();
    message.set_request_id("req_1");
    message.set_model_id("m_1");
    message.set_method("POST");
    message.set_path(path);
    message.set_body_bytes(body_bytes);
    return wire::encode_frame(frame);
  }
  static std::string data(const std::string& text) {
    std::string frame;
    wire::append_data_frame(frame, text);
    return frame;
  }

  asio::io_context io_{1};
  TaskGroup tasks_{io_.get_executor()};
  std::shared_ptr<FakeStream> stream_ = std::make_shared<FakeStream>(io_.get_executor());
  bool done_ = false;
};

// Letting go at once would refuse what is on its way, which costs a packet each way and request.
TEST_F(WorkTest, AfterTheAnswerItReadsToTheCoordinatorsEnd) {
  stream_->feed(request(4) + data("bo"));
  run_until(stream_->finished);
  stream_->feed(data("dy"));
  io_.poll();
  EXPECT_FALSE(done_);
  const auto before = std::chrono::steady_clock::now();
  stream_->end();
  run_until(done_);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  EXPECT_FALSE(stream_->closed);
  EXPECT_NE(stream_->written.find("no such replica"), std::string::npos);
}

TEST_F(WorkTest, ABodyThatNobodyWantsAnyMoreIsNotKept) {
  stream_->feed(request(2'000'000, "/metrics"));
  run_until(stream_->finished);
  for (int i = 0; i < 40; ++i)
    stream_->feed(data(std::string(50'000, 'x')));
  stream_->end();
  run_until(done_);
}

TEST_F(WorkTest, ABrokenProtocolEndsTheStreamAtOnce) {
  stream_->feed(request(1000) + request(1000));
  run_until(done_);
  EXPECT_TRUE(stream_->closed);
}

TEST_F(WorkTest, ALostConnectionEndsIt) {
  stream_->feed(request(4, "/metrics"));
  run_until(stream_->finished);
  stream_->lose();
  run_until(done_);
}

}  // namespace
}  // namespace gogrid::worker
