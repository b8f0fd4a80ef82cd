#include "net/multipart.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace gogrid::net {
namespace {

struct Read {
  std::string name;
  std::optional<std::string> filename;
  std::string content_type;
  std::string content;
  bool ended = false;

  friend bool operator==(const Read&, const Read&) = default;
};

struct Outcome {
  std::vector<Read> parts;
  bool done = false;
  // "invalid_argument: …"; empty: none.
  std::string error;
};

Outcome read(std::string_view body, std::string_view boundary, std::size_t step, MultipartReader::Limits limits = {}) {
  Outcome outcome;
  MultipartReader reader(boundary, limits);
  using Event = MultipartReader::Event;
  while (!body.empty()) {
    std::string_view input = body.substr(0, step);
    body.remove_prefix(input.size());
    while (!input.empty()) {
      const auto event = reader.next(input);
      if (!event) {
        outcome.error = std::string(to_string(event.error().code)) + ": " + event.error().detail;
        return outcome;
      }
      if (*event == Event::begin) {
        Read part;
        part.name = reader.part().name;
        part.filename = reader.part().filename;
        part.content_type = reader.part().content_type;
        outcome.parts.push_back(part);
      }
      if (*event == Event::data) outcome.parts.back().content += reader.data();
      if (*event == Event::end) outcome.parts.back().ended = true;
    }
  }
  outcome.done = reader.done();
  return outcome;
}

// As the `openai` package sends it: Node's FormData (undici), the file first.
constexpr std::string_view from_node =
    "------formdata-undici-012345678901\r\n"
    "Content-Disposition: form-data; name=\"file\"; filename=\"lines.jsonl\"\r\n"
    "Content-Type: application/octet-stream\r\n"
    "\r\n"
    "{\"custom_id\":\"1\"}\n{\"custom_id\":\"2\"}\n\r\n"
    "------formdata-undici-012345678901\r\n"
    "Content-Disposition: form-data; name=\"purpose\"\r\n"
    "\r\n"
    "batch\r\n"
    "------formdata-undici-012345678901--\r\n";

// curl -F purpose=batch -F file=@'a "b".jsonl'
constexpr std::string_view from_curl =
    "--------------------------d74496d66958873e\r\n"
    "Content-Disposition: form-data; name=\"purpose\"\r\n"
    "\r\n"
    "batch\r\n"
    "--------------------------d74496d66958873e\r\n"
    "Content-Disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".jsonl\"\r\n"
    "Content-Type: application/octet-stream\r\n"
    "\r\n"
    "\r\n-\r\n--\r\n-------------------------d74496d6695887\r\r\n\r\n"
    "--------------------------d74496d66958873e--\r\n";

TEST(Multipart, ReadsWhatNodeAndCurlSendHoweverItIsCut) {
  for (std::size_t step = 1; step < 200; ++step) {
    const auto node = read(from_node, "----formdata-undici-012345678901", step);
    EXPECT_EQ(node.error, "");
    EXPECT_TRUE(node.done);
    const Read lines{"file", "lines.jsonl", "application/octet-stream",
                     "{\"custom_id\":\"1\"}\n{\"custom_id\":\"2\"}\n", true};
    const Read purpose{"purpose", std::nullopt, "", "batch", true};
    EXPECT_THAT(node.parts, testing::ElementsAre(lines, purpose)) << step;

    const auto curl = read(from_curl, "------------------------d74496d66958873e", step);
    EXPECT_EQ(curl.error, "");
    EXPECT_TRUE(curl.done);
    const Read file{"file", "a \"b\".jsonl", "application/octet-stream",
                    "\r\n-\r\n--\r\n-------------------------d74496d6695887\r\r\n", true};
    EXPECT_THAT(curl.parts, testing::ElementsAre(purpose, file)) << step;
  }
}

TEST(Multipart, EmptyPartsPreambleEpilogueAndPadding) {
  const auto outcome = read(
      "to be ignored\r\n--x \t\r\ncontent-disposition: Form-Data; name=a\r\n\r\n\r\n--x\r\n"
      "Content-Disposition: form-data; filename=\"C:\\dir\\f\"; name=\"b\"\r\n\r\nb\r\n--x--and this too\r\n--x\r\n",
      "x", 7);
  EXPECT_EQ(outcome.error, "");
  EXPECT_TRUE(outcome.done);
  const Read a{"a", std::nullopt, "", "", true};
  const Read b{"b", "C:\\dir\\f", "", "b", true};
  EXPECT_THAT(outcome.parts, testing::ElementsAre(a, b));
}

TEST(Multipart, ABodyThatIsCutShortIsNotDone) {
  for (std::size_t size = 0; size + 4 < from_node.size(); ++size)
    EXPECT_FALSE(read(from_node.substr(0, size), "----formdata-undici-012345678901", 64).done) << size;
}

TEST(Multipart, WhatIsNoneIsRefused) {
  const std::pair<std::string, std::string> rows[] = {
      {"--xy\r\n", "something follows a boundary"},
      {"--x-\r\n", "something follows a boundary"},
      {"--x\rx", "something follows a boundary"},
      {"--x" + std::string(300, ' '), "something follows a boundary"},
      {"--x\r\n\r\n", "no Content-Disposition"},
      {"--x\r\nContent-Type: text/plain\r\n\r\n", "no Content-Disposition"},
      {"--x\r\nContent-Disposition: form-data\r\n\r\n", "no Content-Disposition"},
      {"--x\r\nContent-Disposition: attachment; name=a\r\n\r\n", "not form-data"},
      {"--x\r\nContent-Disposition: form-data; name=\"a\r\n\r\n", "Content-Disposition is malformed"},
      {"--x\r\nContent-Disposition: form-data; name=a; b\r\n\r\n", "Content-Disposition is malformed"},
      {"--x\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\n", "two"},
      {"--x\r\nnothing\r\n\r\n", "no header field"},
      {"--x\r\n: a\r\n\r\n", "no header field"},
      {"--x\r\nContent-Disposition: form-data; name=a\n\n", "CRLF"}};
  for (const auto& [body, words] : rows) {
    for (const std::size_t step : {1u, 1000u}) {
      const auto outcome = read(body, "x", step);
      EXPECT_TRUE(outcome.error.starts_with("invalid_argument: ")) << body;
      EXPECT_THAT(outcome.error, testing::HasSubstr(words)) << body;
    }
  }
}

TEST(Multipart, HeadersAndPartsAreBounded) {
  MultipartReader::Limits limits;
  limits.max_parts = 2;
  limits.max_header_bytes = 100;
  const std::string part = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n";
  EXPECT_TRUE(read(part + part + "--x--", "x", 10, limits).done);
  EXPECT_THAT(read(part + part + part, "x", 10, limits).error, testing::HasSubstr("too_large"));
  EXPECT_THAT(read("--x\r\n" + std::string(200, 'a'), "x", 10, limits).error, testing::HasSubstr("too_large"));
  const std::string lines = "--x\r\nA: 1\r\nB: " + std::string(50, 'b') + "\r\nC: " + std::string(50, 'c') + "\r\n";
  EXPECT_THAT(read(lines, "x", 10, limits).error, testing::HasSubstr("too_large"));
}

TEST(Multipart, TheBoundaryIsFoundInTheContentType) {
  const auto boundary = [](std::string_view text) {
    const auto found = MultipartReader::boundary_of(text);
    return found ? *found : "";
  };
  EXPECT_EQ(boundary("multipart/form-data; boundary=----formdata-undici-0123"), "----formdata-undici-0123");
  EXPECT_EQ(boundary("Multipart/Form-Data ; charset=utf-8; Boundary=\"a b:c\""), "a b:c");
  EXPECT_EQ(boundary("multipart/form-data; boundary=" + std::string(70, 'x')), std::string(70, 'x'));
  for (const char* text : {"", "application/json", "multipart/mixed; boundary=x", "multipart/form-data",
                           "multipart/form-data; boundary=", "multipart/form-data; boundary=\"x",
                           "multipart/form-data; boundary=\"x \"", "multipart/form-data; boundary=\"a\rb\""})
    EXPECT_EQ(boundary(text), "") << text;
  EXPECT_EQ(boundary("multipart/form-data; boundary=" + std::string(71, 'x')), "");
}

}  // namespace
}  // namespace gogrid::net
