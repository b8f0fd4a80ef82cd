#include <gtest/gtest.h>

#include "net/http_client.hpp"

namespace gogrid::net {
namespace {

struct Row {
  std::string stream;
  // event|data|id
  std::vector<std::string> events;
};

const Row rows[] = {
    {"data: a\n\n", {"|a|"}},
    {"data:a\ndata: b\ndata:  c\n\n", {"|a\nb\n c|"}},
    {"data: a\r\n\r\ndata: b\r\rdata: c\n\n", {"|a|", "|b|", "|c|"}},
    {": comment\n\ndata: a\n: x\n\n", {"|a|"}},
    {"event: add\nid: 7\ndata: a\n\ndata: b\n\n", {"add|a|7", "|b|7"}},
    {"event: lost\n\ndata: a\n\n", {"|a|"}},
    {"data\n\n", {"||"}},
    {"data\ndata\n\n", {"|\n|"}},
    {"unknown: 1\nretry: 5\ndata: a\n\n", {"|a|"}},
    {"\xef\xbb\xbf"
     "data: a\n\n",
     {"|a|"}},
    {"data: unfinished", {}},
    {"data: unfinished\n", {}},
};

TEST(SseParser, ReadsTheSameEventsHoweverTheBytesAreCut) {
  for (const Row& row : rows) {
    for (std::size_t step = 1; step <= row.stream.size(); ++step) {
      SseParser parser;
      std::vector<std::string> events;
      for (std::size_t at = 0; at < row.stream.size(); at += step) {
        const auto fed = parser.feed(std::string_view(row.stream).substr(at, step), [&](const SseParser::Event& event) {
          events.push_back(event.event + "|" + event.data + "|" + event.id);
        });
        ASSERT_TRUE(fed);
      }
      EXPECT_EQ(events, row.events) << row.stream << " in steps of " << step;
    }
  }
}

TEST(SseParser, AnEventWithoutEndIsRefusedAtTheBound) {
  SseParser long_line(100);
  EXPECT_TRUE(long_line.feed("data: " + std::string(90, 'x'), [](const auto&) {}));
  const auto refused = long_line.feed(std::string(10, 'x'), [](const auto&) {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_large);

  SseParser many_lines(100);
  Result<void> fed;
  for (int i = 0; i < 100 && fed; ++i)
    fed = many_lines.feed("data: xx\n", [](const auto&) {});
  EXPECT_FALSE(fed);
}

}  // namespace
}  // namespace gogrid::net
