// A work stream ends in order when its answer was given, and at once when the coordinator breaks the protocol or goes
// away.
#include "worker/work.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <string>

#include "base/task_group.hpp"
#include "worker/work_test_support.hpp"

namespace gogrid::worker {
namespace {

using namespace test;

class WorkTest : public testing::Test {
 protected:
  WorkTest() {
    tasks_.spawn("work", serve());
    io_.poll();
  }

  asio::awaitable<void> serve() {
    FindEngine find = [](const ReplicaKey&) -> Result<EngineUse> {
      return Error(ErrorCode::unavailable, "no such replica");
    };
    co_await serve_work(io_.get_executor(), stream_, std::move(find), leases_);
    done_ = true;
  }
  void run_until(const bool& flag) {
    test::run_until(io_, [&] { return flag; });
  }

  asio::io_context io_{1};
  asio::thread_pool pool_{1};
  TaskGroup tasks_{io_.get_executor()};
  Leases leases_{io_.get_executor(), {}, std::make_shared<SpoolRoom>(pool_, "/nonexistent")};
  std::shared_ptr<FakeStream> stream_ = std::make_shared<FakeStream>(io_.get_executor());
  bool done_ = false;
};

// Letting go at once would refuse what is on its way, which costs a packet each way and request.
TEST_F(WorkTest, AfterTheAnswerItReadsToTheCoordinatorsEnd) {
  stream_->feed(work_request(4) + data_frame("bo"));
  run_until(stream_->finished);
  stream_->feed(data_frame("dy"));
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
  stream_->feed(work_request(2'000'000, 0, "/metrics"));
  run_until(stream_->finished);
  for (int i = 0; i < 40; ++i)
    stream_->feed(data_frame(std::string(50'000, 'x')));
  stream_->end();
  run_until(done_);
}

TEST_F(WorkTest, ABrokenProtocolEndsTheStreamAtOnce) {
  stream_->feed(work_request(1000) + work_request(1000));
  run_until(done_);
  EXPECT_TRUE(stream_->closed);
}

TEST_F(WorkTest, ALostConnectionEndsIt) {
  stream_->feed(work_request(4, 0, "/metrics"));
  run_until(stream_->finished);
  stream_->lose();
  run_until(done_);
}

// What an engine says, whether its work is whole, and what is counted of it.
struct Answered {
  const char* what;
  int status;
  const char* content_type;
  const char* said;
  bool dies;
  std::vector<std::pair<std::uint64_t, bool>> counted;
};

TEST_F(WorkTest, WhatAnswersTookIsCounted) {
  const Answered cases[] = {
      {"a whole answer",
       200,
       "application/json",
       R"({"choices":[{"text":"a"}],"usage":{"prompt_tokens":7,"completion_tokens":5}})",
       false,
       {{12, true}}},
      {"a stream that says it at its end",
       200,
       "text/event-stream",
       "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
       "data: {\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n",
       false,
       {{12, true}}},
      {"a stream that is cut off",
       200,
       "text/event-stream",
       "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
       "data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n",
       true,
       {{2, false}}},
      {"a refusal", 400, "application/json", R"({"error":"no"})", false, {}},
      {"a list of tokens", 200, "application/json", R"({"tokens":[1,2,3]})", false, {}},
  };
  for (const Answered& one : cases) {
    const auto engine = std::make_shared<FakeEngine>(io_.get_executor());
    const auto stream = std::make_shared<FakeStream>(io_.get_executor());
    tasks_.spawn("work", serve_work(io_.get_executor(), stream, engine->find(), leases_));
    stream->feed(work_request(4) + data_frame("body"));
    test::run_until(io_, [&] { return engine->requests > 0; });
    engine->respond(one.status, one.content_type);
    engine->say(one.said);
    test::run_until(io_, [&] { return engine->heard(); });
    if (one.dies) {
      engine->die();
    } else {
      engine->end();
    }
    run_until(stream->finished);
    stream->end();
    test::run_until(io_, [&] { return !engine->in_use(); });
    EXPECT_EQ(engine->answers, one.counted) << one.what;
  }
}

// Wherever the cancelling finds it: FakeEngine waits on, which ends in an exception.
TEST_F(WorkTest, WhatWasAnsweredCountsWhenNobodyWaitsAnyMore) {
  const auto engine = std::make_shared<FakeEngine>(io_.get_executor());
  const auto stream = std::make_shared<FakeStream>(io_.get_executor());
  tasks_.spawn("work", serve_work(io_.get_executor(), stream, engine->find(), leases_));
  stream->feed(work_request(4) + data_frame("body"));
  test::run_until(io_, [&] { return engine->requests > 0; });
  engine->respond(200, "text/event-stream");
  engine->say("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n");
  test::run_until(io_, [&] { return engine->heard(); });
  stream->cancel();
  test::run_until(io_, [&] { return !engine->in_use(); });
  const std::vector<std::pair<std::uint64_t, bool>> counted{{1, false}};
  EXPECT_EQ(engine->answers, counted);
}

}  // namespace
}  // namespace gogrid::worker
