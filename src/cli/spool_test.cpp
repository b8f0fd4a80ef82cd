#include "cli/spool.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace gogrid::cli {
namespace {

TEST(LineReader, TheEndOfALineDoesNotCountAgainstItsBound) {
  for (const std::string end : {"\n", "\r\n", "\r", ""}) {
    std::vector<std::string> lines;
    const auto sink = [&](std::string_view line) -> Result<void> {
      lines.emplace_back(line);
      return {};
    };
    LineReader fits(4);
    EXPECT_TRUE(fits.feed("1234" + end, sink) && fits.end(sink));
    EXPECT_EQ(lines, std::vector<std::string>{"1234"});
    EXPECT_EQ(fits.count(), 1u);
    LineReader longer(4);
    EXPECT_FALSE(longer.feed("12345" + end, sink) && longer.end(sink));
    EXPECT_EQ(lines.size(), 1u) << "it is not told";
  }
}

}  // namespace
}  // namespace gogrid::cli
