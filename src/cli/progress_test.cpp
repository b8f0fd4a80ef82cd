// The bar tells how far, how fast and how long, fits its terminal, and is silent where there is none.
#include "cli/progress.hpp"

#include <gtest/gtest.h>

#include "cli/formatter/text.hpp"
#include "cli/test_terminal.hpp"

namespace gogrid::cli {
namespace {

using namespace std::chrono_literals;

std::string line(const char* label, std::uint64_t done, std::uint64_t total, std::optional<double> rate,
                 std::size_t width, ProgressUnit unit = ProgressUnit::bytes) {
  ProgressState state;
  state.label = label;
  state.unit = unit;
  state.done = done;
  state.total = total;
  state.per_second = rate;
  state.remark = unit == ProgressUnit::lines ? "2 failed" : "";
  return progress_line(std::move(state), width);
}

TEST(ProgressLine, TellsHowFarHowFastAndHowLong) {
  EXPECT_EQ(line("Uploading", 512 * 1024, 1024 * 1024, 64.0 * 1024, 90),
            "Uploading  [" + std::string(13, '#') + std::string(13, '.') +
                "]   50 %  512.0 KiB of 1.0 MiB  64.0 KiB/s  8 s left");
  EXPECT_EQ(line("Checking", 0, 0, std::nullopt, 30), "Checking  100 %  0 B of 0 B");
}

TEST(ProgressLine, CountsLines) {
  EXPECT_EQ(line("Running", 450, 1000, 0.5, 66, ProgressUnit::lines),
            "Running   45 %  450 of 1000  30.0/min  18 min 20 s left  2 failed");
}

TEST(ProgressLine, FitsEveryWidth) {
  for (std::size_t width = 0; width < 200; ++width) {
    EXPECT_LE(display_width(line("Uploading", 1'500'000'000, 2'000'000'000, 1.5e6, width)), width);
  }
}

TEST(ProgressLine, OddNumbersDoNoHarm) {
  EXPECT_NE(line("x", 5, 3, 1e-9, 80).find("100 %"), std::string::npos);
  EXPECT_NE(line("x", 0, ~std::uint64_t{0}, 1e-3, 120).find("left"), std::string::npos);
}

TEST(RateMeter, IsTheLastSecondsAndStartsAnewWhenItGoesBack) {
  RateMeter meter;
  const ProgressTime start{};
  meter.add(start, 0);
  EXPECT_EQ(meter.per_second(), std::nullopt);
  meter.add(start + 1s, 1000);
  EXPECT_EQ(meter.per_second(), 1000);
  for (int second = 2; second <= 20; ++second)
    meter.add(start + second * 1s, 1000 + 10 * second);
  EXPECT_NEAR(meter.per_second().value(), 10, 1);
  meter.add(start + 21s, 5);
  EXPECT_EQ(meter.per_second(), std::nullopt);
}

TEST(Progress, IsDrawnOnATerminalAndTakenAway) {
  TestTerminal terminal;
  terminal.error_terminal = true;
  const ProgressTime start{1h};
  {
    Progress progress(terminal, "Uploading", 100);
    progress.update(10, start);
    progress.update(11, start + 50ms);
    progress.update(20, start + 150ms);
    progress.note("broken");
  }
  EXPECT_NE(terminal.error_text.find(" 10 %"), std::string::npos);
  EXPECT_EQ(terminal.error_text.find(" 11 %"), std::string::npos);
  EXPECT_NE(terminal.error_text.find(" 20 %"), std::string::npos);
  EXPECT_TRUE(terminal.error_text.ends_with("\r\x1b[Kbroken\n")) << terminal.error_text;
}

TEST(Progress, ElsewhereItIsOneLine) {
  TestTerminal terminal;
  {
    Progress progress(terminal, "Uploading", 2048);
    progress.update(1000);
  }
  EXPECT_EQ(terminal.error_text, "Uploading 2.0 KiB\n");
}

}  // namespace
}  // namespace gogrid::cli
