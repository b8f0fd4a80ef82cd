// Lines come out whole and in order; a reader that stalls stops nobody, and costs the oldest lines only.
#include "base/log_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace gogrid {
namespace {

class LogWriterTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::pipe2(ends_, O_CLOEXEC), 0); }
  ~LogWriterTest() override {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  // Until `end` has come.
  std::string read_until(const std::string& end) const {
    std::string text;
    char buffer[4096];
    while (!text.ends_with(end)) {
      const auto count = ::read(ends_[0], buffer, sizeof buffer);
      if (count <= 0) break;
      text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
  }

  int ends_[2]{-1, -1};
};

TEST_F(LogWriterTest, LinesComeOutInOrderAndBeforeItGoes) {
  std::string expected;
  {
    LogWriter writer(ends_[1]);
    for (int i = 0; i < 1000; ++i) {
      const std::string line = "line " + std::to_string(i) + "\n";
      writer.write(line, false);
      expected += line;
    }
  }
  EXPECT_EQ(read_until("line 999\n"), expected);
}

TEST_F(LogWriterTest, AReaderThatStallsStopsNobodyAndCostsTheOldestLines) {
  // Full from the start.
  const auto size = ::fcntl(ends_[1], F_SETPIPE_SZ, 4096);
  const std::string filling = std::string(static_cast<std::size_t>(size) - 1, '#') + "\n";
  ASSERT_EQ(::write(ends_[1], filling.data(), filling.size()), size);
  LogWriter writer(ends_[1], 64 * 1024);
  const auto begun = std::chrono::steady_clock::now();
  const std::string rest(90, 'x');
  for (int i = 0; i < 20'000; ++i)
    writer.write(std::to_string(i) + rest + "\n", false);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  EXPECT_GT(writer.dropped_lines(), 10'000u);
  EXPECT_LT(writer.dropped_lines(), 20'000u);
  EXPECT_FALSE(writer.flush());
  const std::string text = read_until("19999" + rest + "\n");
  const auto lines = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  EXPECT_EQ(lines - 1 + writer.dropped_lines(), 20'000u);
  EXPECT_TRUE(writer.flush());
}

}  // namespace
}  // namespace gogrid
