// A log line is one line whatever was logged, in both formats; the facts of an event can be read back one by one.
#include "base/log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace gogrid {
namespace {

// What one call wrote to standard error, without the time.
template <class Call>
std::string logged(LogFormat format, Call call) {
  LogOptions options;
  options.format = format;
  EXPECT_TRUE(start_logging(options));
  testing::internal::CaptureStderr();
  call();
  const std::string line = testing::internal::GetCapturedStderr();
  if (format == LogFormat::text) return line.substr(line.find(' ') + 1);
  return "{" + line.substr(line.find(",\"level\"") + 1);
}

void event() {
  log_event(
      spdlog::level::info, "answered",
      {{"status", 200}, {"path", "/v1/a b"}, {"name", "den"}, {"key", ""}, {"sent_bytes", std::uint64_t{1} << 40}});
}

TEST(Log, FactsAreKeysAndValuesInText) {
  EXPECT_EQ(logged(LogFormat::text, event),
            "info answered status=200 path=\"/v1/a b\" name=den sent_bytes=1099511627776\n");
}

TEST(Log, FactsAreMembersInJson) {
  EXPECT_EQ(
      logged(LogFormat::json, event),
      R"({"level":"info","message":"answered","status":200,"path":"/v1/a b","name":"den","sent_bytes":1099511627776})"
      "\n");
}

TEST(Log, WhatWasLoggedIsEscapedOnce) {
  const auto hostile = [] {
    const std::string text = "\"\\\n\x1b\xc2\x9b\xff€";
    log().warn("{}", text);
    log_event(spdlog::level::warn, "seen", {{"it", text}});
  };
  const std::string text = logged(LogFormat::text, hostile);
  EXPECT_NE(text.find(R"(warning "\\u000a\u001b\u009b�€)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(warning seen it="\"\\\u000a\u001b\u009b�€")"), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  const std::string json = logged(LogFormat::json, hostile);
  EXPECT_NE(json.find(R"("message":"\"\\\u000a\u001b\u009b�€"})"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("message":"seen","it":"\"\\\u000a\u001b\u009b�€"})"), std::string::npos) << json;
  EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 2);
}

TEST(Log, AValueCannotPassForAnotherField) {
  EXPECT_EQ(logged(LogFormat::text,
                   [] {
                     log_event(spdlog::level::info, "seen", {{"name", "a key=b"}, {"other", "x=y"}});
                   }),
            "info seen name=\"a key=b\" other=\"x=y\"\n");
}

TEST(Log, AnEventsFactsAreNotTheNextOnes) {
  EXPECT_EQ(logged(LogFormat::json, [] { log().info("plain"); }), "{\"level\":\"info\",\"message\":\"plain\"}\n");
}

TEST(Log, AnUnknownLevelIsNamed) {
  LogOptions options;
  options.level = "loud";
  const auto started = start_logging(options);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().detail.find("loud"), std::string::npos);
}

}  // namespace
}  // namespace gogrid
