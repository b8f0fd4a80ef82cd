// Proves that no way to change a file goes unheard, with real files, and that other files do not matter.
#include "worker/settings_watch.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <functional>

#include "base/encoding.hpp"
#include "base/task_group.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

asio::awaitable<void> count_changes(SettingsWatch& watch, int& count) {
  for (;;) {
    const Result<void> heard = co_await watch.changed();
    if (!heard) co_return;
    ++count;
  }
}

class SettingsWatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    top_ = fs::temp_directory_path() / ("gogrid-watch-" + to_hex(as_bytes(random_bytes(6))));
    fs::create_directories(top_);
  }
  void TearDown() override {
    for (auto& watch : watches_)
      watch->stop();
    io_.run();
    fs::remove_all(top_);
  }

  void watch(const fs::path& path, int& count) {
    watches_.push_back(std::make_unique<SettingsWatch>(io_.get_executor(), path));
    tasks_.spawn("watch", count_changes(*watches_.back(), count));
    io_.poll();
  }
  void write(const fs::path& path, const std::string& text = "x") const { std::ofstream(path) << text; }
  bool run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done() && std::chrono::steady_clock::now() < deadline)
      io_.run_one_until(deadline);
    return done();
  }

  fs::path top_;
  asio::io_context io_{1};
  TaskGroup tasks_{io_.get_executor()};
  std::vector<std::unique_ptr<SettingsWatch>> watches_;
};

TEST_F(SettingsWatchTest, EveryWayToChangeAFileIsHeard) {
  const fs::path file = top_ / "a" / "b" / "c.toml";
  const fs::path elsewhere = top_ / "elsewhere.toml";
  write(elsewhere);
  int count = 0;
  watch(file, count);
  const std::pair<const char*, std::function<void()>> ways[] = {
      {"its directories are made, with it in them",
       [&] {
         fs::create_directories(file.parent_path());
         write(file);
       }},
      {"written in place", [&] { write(file, "y"); }},
      {"replaced",
       [&] {
         write(top_ / "new");
         fs::rename(top_ / "new", file);
       }},
      {"what replaced it is written", [&] { write(file, "z"); }},
      {"may be read no more", [&] { ::chmod(file.c_str(), 0); }},
      {"removed", [&] { fs::remove(file); }},
      {"a link in its place", [&] { fs::create_symlink(elsewhere, file); }},
      {"what the link names is written", [&] { write(elsewhere, "y"); }},
      {"what the link names is replaced",
       [&] {
         write(top_ / "new");
         fs::rename(top_ / "new", elsewhere);
       }},
      {"its directory goes", [&] { fs::remove_all(top_ / "a"); }},
      {"its directory comes back", [&] { fs::create_directories(file.parent_path()); }},
      {"and it in it", [&] { write(file); }},
      {"its directory is another's name now", [&] { fs::rename(file.parent_path(), top_ / "moved"); }}};
  int expected = 0;
  for (const auto& [name, change] : ways) {
    change();
    ++expected;
    ASSERT_TRUE(run_until([&] { return count >= expected; })) << name;
    EXPECT_EQ(count, expected) << name;
  }
}

TEST_F(SettingsWatchTest, ManyStepsAreToldOnce) {
  const fs::path file = top_ / "c.toml";
  int count = 0;
  watch(file, count);
  for (int step = 0; step < 20; ++step)
    write(file, std::to_string(step));
  fs::remove(file);
  ASSERT_TRUE(run_until([&] { return count >= 1; }));
  write(file);
  ASSERT_TRUE(run_until([&] { return count >= 2; }));
  EXPECT_EQ(count, 2);
}

// The other file's own watch settles as long, and later.
TEST_F(SettingsWatchTest, OtherFilesInTheDirectoryDoNotMatter) {
  int count = 0;
  int other_count = 0;
  watch(top_ / "c.toml", count);
  watch(top_ / "c.toml.swp", other_count);
  write(top_ / "c.toml.swp");
  ASSERT_TRUE(run_until([&] { return other_count == 1; }));
  io_.poll();
  EXPECT_EQ(count, 0);
}

TEST_F(SettingsWatchTest, AStoppedWatchEnds) {
  int count = 0;
  watch(top_ / "c.toml", count);
  write(top_ / "c.toml");
  io_.poll();
  watches_.back()->stop();
  ASSERT_TRUE(run_until([&] { return tasks_.size() == 0; }));
  EXPECT_EQ(count, 0);
}

}  // namespace
}  // namespace gogrid::worker
