#include "coordinator/api/rate_limit_headers.hpp"

#include <gtest/gtest.h>

namespace gogrid::coordinator {
namespace {

using namespace std::chrono_literals;

TEST(RateLimitHeaders, OnlyTheLimitsThatThereAreAreSaid) {
  net::Headers headers;
  add_rate_limit_headers(headers, {}, {});
  EXPECT_EQ(headers.size(), 0u);
  domain::Scheduler::RateView tokens;
  tokens.limit = 1000;
  tokens.remaining = -20;
  tokens.reset = 61'200ms;
  add_rate_limit_headers(headers, {}, tokens);
  EXPECT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers.get("x-ratelimit-limit-tokens"), "1000");
  EXPECT_EQ(headers.get("x-ratelimit-remaining-tokens"), "0");
  EXPECT_EQ(headers.get("x-ratelimit-reset-tokens"), "1m2s");
}

TEST(RateLimitHeaders, ResetsAreWrittenAsOpenAiDoes) {
  EXPECT_EQ(to_reset_text(-5ms), "0ms");
  EXPECT_EQ(to_reset_text(0ms), "0ms");
  EXPECT_EQ(to_reset_text(350ms), "350ms");
  EXPECT_EQ(to_reset_text(1'000ms), "1s");
  EXPECT_EQ(to_reset_text(360s), "6m0s");
  EXPECT_EQ(to_reset_text(3603s), "1h0m3s");
}

}  // namespace
}  // namespace gogrid::coordinator
