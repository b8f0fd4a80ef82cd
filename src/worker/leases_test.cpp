// Work with a lease: it outlives a lost connection, is handed over whole and in order to whoever comes back for it, and
// ends at once when it is cancelled, released, or not asked for.
#include "worker/leases.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <string>

#include "base/task_group.hpp"
#include "worker/work.hpp"
#include "worker/work_test_support.hpp"

namespace gogrid::worker {
namespace {

using namespace test;

constexpr std::uint64_t lease = (std::uint64_t{3} << 32) + 7;

class LeasesTest : public testing::Test {
 protected:
  LeasesTest() {
    folder_ = std::filesystem::temp_directory_path() / ("gogrid-spool-" + to_hex(as_bytes(random_bytes(6))));
    std::filesystem::create_directories(folder_);
    make_leases(10min);
  }
  ~LeasesTest() override {
    leases_->stop();
    for (const auto& stream : streams_)
      stream->cancel();
    run_until([this] { return tasks_.size() == 0; });
    tasks_.spawn("stopped", leases_->stopped());
    run_until([this] { return tasks_.size() == 0; });
    EXPECT_FALSE(engine_->in_use());
    leases_.reset();
    pool_.join();
    EXPECT_TRUE(std::filesystem::is_empty(folder_)) << "no file is left";
    std::filesystem::remove_all(folder_);
  }

  void make_leases(std::chrono::milliseconds grace, SpoolLimits limits = {}) {
    room_ = std::make_shared<SpoolRoom>(pool_, folder_, limits);
    Leases::Options options;
    options.grace = grace;
    options.may_go_on = [this] { return may_go_on_; };
    options.on_ended = [this] { ++ended_; };
    leases_ = std::make_unique<Leases>(io_.get_executor(), options, room_);
  }
  template <class Condition>
  void run_until(Condition condition) {
    test::run_until(io_, condition);
  }
  FakeStream& open() { return open(*engine_); }
  FakeStream& open(FakeEngine& engine) {
    const auto stream = std::make_shared<FakeStream>(io_.get_executor());
    streams_.push_back(stream);
    tasks_.spawn("work", serve_work(io_.get_executor(), stream, engine.find(), *leases_));
    return *stream;
  }
  // A stream with new work, whose body has come.
  FakeStream& begin() {
    FakeStream& stream = open();
    const int before = engine_->requests;
    stream.feed(work_request(4, lease) + data_frame("body"));
    run_until([&] { return engine_->requests > before; });
    return stream;
  }
  FakeStream& resume() {
    FakeStream& stream = open();
    stream.feed(resume_request(lease));
    return stream;
  }
  void lose(FakeStream& stream) {
    stream.lose();
    run_until([this] { return tasks_.size() == 0; });
  }
  void run_to_the_end(FakeStream& stream) {
    run_until([&] { return stream.finished; });
    stream.end();
    run_until([this] { return tasks_.size() == 0; });
  }
  // The engine says it and it is heard.
  void say(const std::string& bytes) {
    engine_->say(bytes);
    run_until([this] { return engine_->heard(); });
  }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
      paths.push_back(entry.path());
    return paths;
  }

  asio::io_context io_{1};
  asio::thread_pool pool_{1};
  std::filesystem::path folder_;
  std::shared_ptr<SpoolRoom> room_;
  bool may_go_on_ = true;
  int ended_ = 0;
  std::unique_ptr<Leases> leases_;
  std::shared_ptr<FakeEngine> engine_ = std::make_shared<FakeEngine>(io_.get_executor());
  std::vector<std::shared_ptr<FakeStream>> streams_;
  TaskGroup tasks_{io_.get_executor()};
};

const std::vector<std::uint64_t> none;

TEST_F(LeasesTest, TheAnswerGoesOutAsItComesAndIsForgottenWhenTheCoordinatorHasIt) {
  FakeStream& stream = begin();
  EXPECT_EQ(engine_->body, "body");
  engine_->respond(201, "text/event-stream");
  run_until([&] { return stream.answer().head.has_value(); });
  EXPECT_EQ(stream.answer().head->status(), 201u);
  EXPECT_EQ(stream.answer().head->content_type(), "text/event-stream");
  for (const std::string text : {"one ", "two ", "three "}) {
    engine_->say(text);
    run_until([&] { return stream.answer().body.ends_with(text); });
  }
  engine_->end();
  run_until([&] { return stream.finished; });
  EXPECT_EQ(stream.answer().body, "one two three ");
  EXPECT_EQ(stream.answer().end->error_code(), "");
  run_until([this] { return ended_ == 1; });
  EXPECT_FALSE(engine_->in_use()) << "while the coordinator reads, the engine is free";
  EXPECT_TRUE(leases_->find(lease)) << "it may still be lost on its way";
  stream.end();
  run_until([this] { return tasks_.size() == 0; });
  EXPECT_EQ(leases_->find(lease).error().code, ErrorCode::not_found);
  EXPECT_EQ(room_->used_bytes(), 0u);
}

TEST_F(LeasesTest, WhatWasAnsweredUntilItIsCancelledCounts) {
  FakeStream& stream = begin();
  engine_->respond(200, "text/event-stream");
  say("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n");
  stream.cancel();
  run_until([this] { return !engine_->in_use(); });
  const std::vector<std::pair<std::uint64_t, bool>> counted{{1, false}};
  EXPECT_EQ(engine_->answers, counted);
}

TEST_F(LeasesTest, AfterALostConnectionItIsReplayedByteForByteAndGoesOn) {
  FakeStream& first = begin();
  engine_->respond(200, "application/octet-stream");
  std::string said = random_bytes(100'000);
  say(said);
  lose(first);
  EXPECT_EQ(leases_->kept(), std::vector{lease});
  // It goes on with nobody there.
  const std::string more = random_bytes(100'000);
  say(more);
  said += more;
  EXPECT_TRUE(engine_->in_use());
  // The next connection is lost in the middle of the replay.
  FakeStream& second = resume();
  run_until([&] { return second.answer().body.size() > 60'000; });
  lose(second);
  EXPECT_EQ(leases_->kept(), std::vector{lease});

  FakeStream& third = resume();
  run_until([&] { return third.answer().body.size() == said.size(); });
  EXPECT_EQ(leases_->kept(), none) << "it has a stream again";
  const std::string last = random_bytes(50'000);
  engine_->say(last);
  said += last;
  run_until([&] { return third.answer().body.size() == said.size(); });
  engine_->end();
  run_to_the_end(third);
  EXPECT_EQ(third.answer().head->status(), 200u);
  EXPECT_EQ(third.answer().head->content_type(), "application/octet-stream");
  EXPECT_TRUE(third.answer().body == said) << "every byte, in order";
  EXPECT_EQ(third.answer().end->error_code(), "");
  EXPECT_EQ(engine_->requests, 1);
  EXPECT_EQ(leases_->kept(), none);
  EXPECT_EQ(room_->used_bytes(), 0u);
}

TEST_F(LeasesTest, AnAnswerThatEndsWithNobodyThereIsHandedOver) {
  FakeStream& first = begin();
  lose(first);
  engine_->respond(200, "application/json");
  say("{}");
  engine_->end();
  run_until([this] { return ended_ == 1; });
  FakeStream& second = resume();
  run_to_the_end(second);
  EXPECT_EQ(second.answer().body, "{}");
  EXPECT_EQ(second.answer().end->error_code(), "");
}

// The end was sent, and nobody knows whether it arrived.
TEST_F(LeasesTest, AnAnswerThatWasNotConfirmedIsKept) {
  FakeStream& first = begin();
  engine_->respond(200, "application/json");
  engine_->say("{}");
  engine_->end();
  run_until([&] { return first.finished; });
  lose(first);
  EXPECT_EQ(leases_->kept(), std::vector{lease});
  FakeStream& second = resume();
  run_to_the_end(second);
  EXPECT_EQ(second.answer().body, "{}");
  EXPECT_EQ(leases_->kept(), none);
}

TEST_F(LeasesTest, HowTheEngineFailedIsHandedOver) {
  FakeStream& first = begin();
  engine_->respond(200, "application/json");
  say("{");
  lose(first);
  engine_->die();
  run_until([this] { return ended_ == 1; });
  FakeStream& second = resume();
  run_to_the_end(second);
  EXPECT_EQ(second.answer().body, "{");
  EXPECT_EQ(second.answer().end->error_code(), "unavailable");
}

TEST_F(LeasesTest, AResetStopsTheEngineAtOnce) {
  FakeStream& stream = begin();
  engine_->respond(200, "application/json");
  say("{");
  stream.cancel();
  run_until([this] { return tasks_.size() == 0 && ended_ == 1; });
  EXPECT_FALSE(engine_->in_use());
  EXPECT_EQ(leases_->kept(), none);
  EXPECT_FALSE(leases_->find(lease));
  EXPECT_EQ(room_->used_bytes(), 0u);
}

TEST_F(LeasesTest, WhatNobodyAsksForIsGivenUpAfterTheGrace) {
  make_leases(30ms);
  FakeStream& stream = begin();
  engine_->respond(200, "application/json");
  say("{");
  lose(stream);
  run_until([this] { return ended_ == 1; });
  EXPECT_FALSE(engine_->in_use());
  EXPECT_EQ(leases_->kept(), none);
  FakeStream& late = resume();
  run_to_the_end(late);
  EXPECT_EQ(late.answer().end->error_code(), "not_found");
}

TEST_F(LeasesTest, WithoutAGraceWorkEndsWithItsStream) {
  make_leases(0ms);
  FakeStream& stream = begin();
  engine_->respond(200, "application/json");
  engine_->say("{");
  run_until([&] { return stream.answer().body == "{"; });
  lose(stream);
  EXPECT_FALSE(engine_->in_use());
  EXPECT_EQ(leases_->kept(), none);
}

TEST_F(LeasesTest, WorkWhoseBodyHasNotAllComeIsNotKept) {
  FakeStream& stream = open();
  stream.feed(work_request(4, lease) + data_frame("bo"));
  run_until([this] { return engine_->in_use(); });
  lose(stream);
  run_until([this] { return ended_ == 1; });
  EXPECT_EQ(leases_->kept(), none);
}

TEST_F(LeasesTest, ALongBodyIsKeptOnceItHasCome) {
  const std::string body = random_bytes(600'000);
  FakeStream& stream = open();
  stream.feed(work_request(body.size(), lease));
  for (std::size_t at = 0; at < body.size(); at += 60'000)
    stream.feed(data_frame(body.substr(at, 60'000)));
  run_until([&] { return engine_->body.size() == body.size(); });
  EXPECT_TRUE(engine_->body == body);
  lose(stream);
  EXPECT_EQ(leases_->kept(), std::vector{lease});
}

TEST_F(LeasesTest, WhatIsReleasedStopsWithAndWithoutAStream) {
  FakeStream& stream = begin();
  engine_->respond(200, "application/json");
  say("{");
  leases_->release(lease + 1);
  EXPECT_TRUE(engine_->in_use());
  leases_->release(lease);
  run_to_the_end(stream);
  EXPECT_EQ(stream.answer().end->error_code(), "cancelled");
  EXPECT_FALSE(engine_->in_use());

  FakeStream& next = begin();
  lose(next);
  EXPECT_TRUE(engine_->in_use());
  leases_->release(lease);
  run_until([this] { return ended_ == 2; });
  EXPECT_FALSE(engine_->in_use());
  EXPECT_EQ(leases_->kept(), none);
}

// The owner is back, and who could stop the work is not.
TEST_F(LeasesTest, APauseStopsWhatRunsUnwatchedAndKeepsAnswers) {
  FakeStream& running = begin();
  const auto done = std::make_shared<FakeEngine>(io_.get_executor());
  FakeStream& answered = open(*done);
  answered.feed(work_request(0, 9));
  done->respond(200, "application/json");
  done->end();
  run_until([&] { return answered.finished; });
  answered.lose();
  lose(running);
  EXPECT_EQ(leases_->kept(), (std::vector<std::uint64_t>{9, lease}));
  leases_->stop_unwatched();
  run_until([this] { return !engine_->in_use(); });
  EXPECT_EQ(leases_->kept(), (std::vector<std::uint64_t>{9}));
}

TEST_F(LeasesTest, WhilePausedRunningWorkEndsWithItsConnection) {
  FakeStream& stream = begin();
  may_go_on_ = false;
  lose(stream);
  run_until([this] { return ended_ == 1; });
  EXPECT_EQ(leases_->kept(), none);
}

TEST_F(LeasesTest, ALeaseIsUsedOnce) {
  FakeStream& first = begin();
  FakeStream& second = open();
  second.feed(work_request(0, lease));
  run_until([&] { return second.finished; });
  EXPECT_EQ(second.answer().end->error_code(), "conflict");
  second.end();
  engine_->respond(200, "application/json");
  engine_->end();
  run_to_the_end(first);
  EXPECT_EQ(first.answer().end->error_code(), "");
}

TEST_F(LeasesTest, OnlyTheNewestStreamGetsTheAnswer) {
  FakeStream& first = begin();
  engine_->respond(200, "application/json");
  say("{");
  FakeStream& second = resume();
  run_until([&] { return first.finished; });
  EXPECT_EQ(first.answer().end->error_code(), "conflict");
  first.cancel();
  engine_->say("}");
  engine_->end();
  run_to_the_end(second);
  EXPECT_EQ(second.answer().body, "{}");
}

TEST_F(LeasesTest, AnUnknownLeaseCannotBeResumed) {
  FakeStream& stream = resume();
  run_to_the_end(stream);
  EXPECT_EQ(stream.answer().end->error_code(), "not_found");
  EXPECT_EQ(engine_->requests, 0);
}

TEST_F(LeasesTest, ALongAnswerIsKeptInAFileOfItsOwner) {
  make_leases(10min, {20'000, 1'000'000, 10'000'000});
  FakeStream& first = begin();
  engine_->respond(200, "application/octet-stream");
  const std::string said = random_bytes(1'500'000);
  say(said.substr(0, 1'000'000));
  lose(first);
  say(said.substr(1'000'000));
  ASSERT_EQ(files().size(), 1u);
  struct stat status {};
  ASSERT_EQ(::stat(files().front().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  FakeStream& second = resume();
  engine_->end();
  run_to_the_end(second);
  EXPECT_TRUE(second.answer().body == said);
  EXPECT_EQ(room_->used_bytes(), 0u);
}

TEST_F(LeasesTest, OverTheBoundTheEngineWaitsForAStreamAndTheAnswerIsGivenOnce) {
  make_leases(10min, {20'000, 20'000, 100'000});
  FakeStream& first = begin();
  engine_->respond(200, "application/octet-stream");
  const std::string said = random_bytes(600'000);
  say(said.substr(0, 60'000));
  lose(first);
  engine_->say(said.substr(60'000));
  run_until([this] { return room_->used_bytes() > 80'000; });
  // All that can happen has: the engine is read no further.
  run_until([this] { return io_.poll() == 0; });
  EXPECT_FALSE(engine_->heard());
  EXPECT_LE(room_->used_bytes(), 120'000u);
  EXPECT_EQ(leases_->kept(), std::vector{lease});

  FakeStream& second = resume();
  run_until([&] { return second.answer().body.size() == said.size(); });
  EXPECT_TRUE(second.answer().body == said);
  EXPECT_EQ(room_->used_bytes(), 0u) << "what is given only once takes no room";
  // From here on it goes at the stream's pace.
  second.block(true);
  engine_->say(std::string(200'000, 'x'));
  run_until([this] { return io_.poll() == 0; });
  EXPECT_FALSE(engine_->heard());
  second.block(false);
  run_until([&] { return second.answer().body.size() == 800'000; });
  lose(second);
  run_until([this] { return ended_ == 1; });
  EXPECT_EQ(leases_->kept(), none);
}

TEST_F(LeasesTest, ADiskThatCannotBeWrittenToIsTheBound) {
  make_leases(10min, {20'000, 20'000, 1'000'000});
  std::filesystem::remove(folder_);
  FakeStream& stream = begin();
  engine_->respond(200, "application/octet-stream");
  const std::string said = random_bytes(100'000);
  engine_->say(said);
  engine_->end();
  run_to_the_end(stream);
  EXPECT_TRUE(stream.answer().body == said);
  EXPECT_EQ(stream.answer().end->error_code(), "");
  EXPECT_EQ(room_->used_bytes(), 0u);
  std::filesystem::create_directories(folder_);
}

TEST_F(LeasesTest, StoppingEndsWhatIsKept) {
  FakeStream& stream = begin();
  lose(stream);
  leases_->stop();
  run_until([this] { return ended_ == 1; });
  EXPECT_FALSE(engine_->in_use());
  EXPECT_FALSE(leases_->can_begin());
}

}  // namespace
}  // namespace gogrid::worker
