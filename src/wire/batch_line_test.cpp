#include "wire/batch_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gogrid::wire {
namespace {

constexpr std::string_view endpoint = "/v1/chat/completions";

TEST(BatchLine, IsReadWithItsBodyAsItStands) {
  const auto line = read_batch_line(
      endpoint,
      R"( {"body": {"model": "m",  "messages":[]} , "url":"\/v1\/chat\/completions","method":"POST","custom_id":"r\u00e4 1","x":[1]} )");
  EXPECT_FALSE(line.problem);
  EXPECT_EQ(line.custom_id, "rä 1");
  EXPECT_EQ(line.body, R"({"model": "m",  "messages":[]})");
}

TEST(BatchLine, SaysWhatIsWrongAndKeepsTheIdWhereThereIsOne) {
  struct Row {
    std::string line;
    std::string param;
    std::string code;
    std::string custom_id;
  };
  const std::string rest = R"("url":"/v1/chat/completions","body":{}})";
  const Row rows[] = {
      {"nonsense", "", "invalid_json", ""},
      {"[]", "", "invalid_json", ""},
      {R"({"custom_id":"a",)", "", "invalid_json", ""},
      {R"({"method":"POST",)" + rest, "custom_id", "missing_field", ""},
      {R"({"custom_id":7,"method":"POST",)" + rest, "custom_id", "invalid_type", ""},
      {R"({"custom_id":"","method":"POST",)" + rest, "custom_id", "invalid_type", ""},
      {R"({"custom_id":")" + std::string(513, 'a') + R"(","method":"POST",)" + rest, "custom_id", "invalid_type", ""},
      {R"({"custom_id":"a",)" + rest, "method", "missing_field", "a"},
      {R"({"custom_id":"a","method":"GET",)" + rest, "method", "invalid_value", "a"},
      {R"({"custom_id":"a","method":"POST","body":{}})", "url", "missing_field", "a"},
      {R"({"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{}})", "url", "invalid_value", "a"},
      {R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions"})", "body", "missing_field", "a"},
      {R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":"{}"})", "body", "invalid_type", "a"},
  };
  for (const Row& row : rows) {
    const auto line = read_batch_line(endpoint, row.line);
    ASSERT_TRUE(line.problem) << row.line;
    EXPECT_EQ(line.problem->param, row.param) << row.line;
    EXPECT_EQ(line.problem->code, row.code) << row.line;
    EXPECT_EQ(line.custom_id, row.custom_id) << row.line;
    EXPECT_TRUE(line.body.empty()) << row.line;
  }
}

TEST(BatchLine, OfARepeatedNameTheLastOneCounts) {
  const auto line = read_batch_line(
      endpoint,
      R"({"custom_id":"a","custom_id":"b","method":"POST","url":"/v1/chat/completions","body":1,"body":{"a":1}})");
  EXPECT_FALSE(line.problem);
  EXPECT_EQ(line.custom_id, "b");
  EXPECT_EQ(line.body, R"({"a":1})");
}

}  // namespace
}  // namespace gogrid::wire
