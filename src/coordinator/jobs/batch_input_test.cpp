#include "coordinator/jobs/batch_input.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "net/net_test_support.hpp"

namespace gogrid::coordinator {
namespace {

constexpr std::string_view endpoint = "/v1/embeddings";

std::string line(const std::string& id, const std::string& body = "{}") {
  return R"({"custom_id":")" + id + R"(","method":"POST","url":"/v1/embeddings","body":)" + body + "}";
}

class BatchInput : public testing::Test {
 protected:
  void write(const std::string& text) { ASSERT_TRUE(write_file_atomically(file, text, 0600)); }
  // Portion by portion: each line as "number:id" or "number!code".
  std::vector<std::string> read_all(PortionLimits limits = {}) {
    std::vector<std::string> lines;
    InputPosition at;
    portions = 0;
    for (;;) {
      const auto portion = read_portion(file, endpoint, at, limits);
      if (!portion) {
        lines.push_back(portion.error().detail);
        return lines;
      }
      ++portions;
      for (const InputLine& one : portion->lines)
        lines.push_back(std::to_string(one.number) + (one.problem ? "!" + one.problem->code : ":" + one.custom_id));
      if (portion->not_utf8) lines.push_back("not UTF-8: " + std::to_string(*portion->not_utf8));
      at = portion->end;
      if (portion->at_end || portion->not_utf8) return lines;
    }
  }

  net::test::TemporaryDirectory directory;
  const std::filesystem::path file = directory.path / "in.jsonl";
  int portions = 0;
};

TEST_F(BatchInput, LinesAreNumberedAndEmptyOnesLeftOutHoweverThePortionsFall) {
  write("\xef\xbb\xbf" + line("a") + "\r\n\n \t\r\nnonsense\n" + line("b") + "\n" + line("c"));
  PortionLimits limits;
  for (std::size_t count = 1; count <= 5; ++count) {
    limits.lines = count;
    EXPECT_THAT(read_all(limits), testing::ElementsAre("1:a", "4!invalid_json", "5:b", "6:c")) << count;
  }
  limits.lines = 100;
  limits.bytes = 1;
  EXPECT_THAT(read_all(limits), testing::ElementsAre("1:a", "4!invalid_json", "5:b", "6:c"));
  EXPECT_EQ(portions, 6);
}

TEST_F(BatchInput, ThePortionsAreBoundedWhateverTheLinesAre) {
  const std::string large = "{\"input\":\"" + std::string(300'000, 'x') + "\"}";
  std::string text;
  for (int i = 0; i < 10; ++i)
    text += line(std::to_string(i), large) + "\n";
  write(text);
  PortionLimits limits;
  limits.bytes = 500'000;
  const auto portion = read_portion(file, endpoint, {}, limits);
  ASSERT_TRUE(portion);
  ASSERT_EQ(portion->lines.size(), 2);
  EXPECT_EQ(portion->lines[0].body, large);
  EXPECT_FALSE(portion->at_end);
  limits.keep_bodies = false;
  EXPECT_EQ(read_portion(file, endpoint, portion->end, limits)->lines[0].body, "");
  limits.line_bytes = 1000;
  const auto lines = read_all(limits);
  ASSERT_EQ(lines.size(), 10);
  EXPECT_EQ(lines[9], "10!line_too_long");
}

TEST_F(BatchInput, ALineThatIsNotUtf8EndsIt) {
  write(line("a") + "\n\xff\xfe\n" + line("b") + "\n");
  EXPECT_THAT(read_all(), testing::ElementsAre("1:a", "not UTF-8: 2"));
}

TEST_F(BatchInput, AnEmptyFileHasNoLines) {
  write("");
  EXPECT_THAT(read_all(), testing::ElementsAre());
  EXPECT_EQ(portions, 1);
}

TEST_F(BatchInput, AFileThatIsGoneOrShorterIsNotFound) {
  EXPECT_EQ(read_portion(file, endpoint, {}, {}).error().code, ErrorCode::not_found);
  write("x");
  EXPECT_EQ(read_portion(file, endpoint, {1, 5}, {}).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace gogrid::coordinator
