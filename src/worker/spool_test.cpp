// A spool gives back what went in, and all spools together take no more than they may.
#include "worker/spool.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <vector>

#include "base/encoding.hpp"
#include "base/task_group.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;

class SpoolTest : public testing::Test {
 protected:
  SpoolTest() {
    folder_ = std::filesystem::temp_directory_path() / ("gogrid-spool-" + to_hex(as_bytes(random_bytes(6))));
    std::filesystem::create_directories(folder_);
  }
  ~SpoolTest() override {
    // Spools remove their files there.
    pool_.join();
    std::filesystem::remove_all(folder_);
  }

  template <class Script>
  void run(Script script) {
    TaskGroup tasks(io_.get_executor());
    tasks.spawn("script", script());
    run_until_done(io_, tasks);
    io_.restart();
  }

  asio::io_context io_{1};
  asio::thread_pool pool_{1};
  std::filesystem::path folder_;
};

TEST_F(SpoolTest, GivesBackWhatWentInFromAnyPosition) {
  const auto room = std::make_shared<SpoolRoom>(pool_, folder_, SpoolLimits{1000, 5000, 1'000'000});
  Spool spool(room);
  const std::string all = random_bytes(10'000);
  run([&]() -> asio::awaitable<void> {
    for (std::size_t at = 0; at < all.size(); at += 300) {
      const auto appended = co_await spool.append(std::string_view(all).substr(at, 300));
      EXPECT_TRUE(appended);
    }
    EXPECT_EQ(spool.size(), all.size());
    for (std::uint64_t from : {0, 1, 899, 900, 901, 5000, 9999}) {
      std::string read;
      while (from + read.size() < all.size()) {
        const auto part = co_await spool.read(from + read.size(), 700);
        if (!part) break;
        EXPECT_LE(part->size(), 700u);
        read += *part;
      }
      EXPECT_TRUE(read == all.substr(from)) << from;
    }
  });
}

TEST_F(SpoolTest, TogetherTheyTakeNoMoreThanTheyMay) {
  const auto room = std::make_shared<SpoolRoom>(pool_, folder_, SpoolLimits{1000, 5000, 20'000});
  std::vector<std::unique_ptr<Spool>> spools;
  const std::string part(900, 'x');
  int refused = 0;
  run([&]() -> asio::awaitable<void> {
    for (int i = 0; i < 40; ++i) {
      spools.push_back(std::make_unique<Spool>(room));
      const auto appended = co_await spools.back()->append(part);
      if (appended) continue;
      EXPECT_EQ(appended.error().code, ErrorCode::resource_exhausted);
      ++refused;
    }
  });
  // 5 in memory, 22 in files.
  EXPECT_EQ(room->used_bytes(), 27u * 900);
  EXPECT_EQ(refused, 13);
  spools.clear();
  EXPECT_EQ(room->used_bytes(), 0u);
  pool_.join();
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(SpoolTest, WhatAnEarlierRunLeftIsRemoved) {
  std::ofstream(folder_ / "1") << "an answer";
  std::ofstream(folder_ / "2") << "another";
  const SpoolRoom room(pool_, folder_);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace
}  // namespace gogrid::worker
