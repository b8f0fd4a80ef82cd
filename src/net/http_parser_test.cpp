#include "net/http_parser.hpp"

#include <gtest/gtest.h>

namespace gogrid::net {
namespace {

constexpr std::size_t max_head = 1024;

struct Outcome {
  int refused = 0;
  bool complete = false;
  std::string body;
  std::string left;
};

// Feeds `text` as a connection would, `step` bytes at a time.
Outcome parse(MessageParser& parser, const std::string& text, std::size_t step, std::size_t room = 5) {
  Outcome outcome;
  std::string buffer;
  bool in_body = false;
  for (std::size_t at = 0; at < text.size(); at += step) {
    buffer += text.substr(at, step);
    if (!in_body) {
      const auto size = parser.read_head(buffer);
      if (!size) return outcome.refused = parser.refusal_status(), outcome;
      if (*size == 0) continue;
      buffer.erase(0, *size);
      in_body = true;
    }
    while (!parser.done()) {
      const auto piece = parser.read_body(buffer, room);
      if (!piece) return outcome.refused = parser.refusal_status(), outcome;
      EXPECT_LE(piece->body.size(), room);
      outcome.body += piece->body;
      buffer.erase(0, piece->used);
      if (piece->used == 0) break;
    }
  }
  outcome.complete = in_body && parser.done();
  outcome.left = buffer;
  return outcome;
}

TEST(RequestParser, ReadsHeadAndBodyHoweverTheBytesAreCut) {
  struct Row {
    std::string text, body, left;
  };
  const Row rows[] = {
      {"GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "", ""},
      {"\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "", ""},
      {"GET /a HTTP/1.0\r\n\r\n", "", ""},
      {"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello worldGET", "hello world", "GET"},
      {"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\nx", "", "x"},
      {"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n6\r\nhello "
       "\r\n5;ext=1\r\nworld\r\n0\r\n\r\nrest",
       "hello world", "rest"},
      {"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nTrailer: 1\r\n\r\n", "x", ""},
  };
  for (const Row& row : rows) {
    for (std::size_t step = 1; step <= row.text.size(); ++step) {
      const auto parser = RequestParser::create(max_head);
      const Outcome outcome = parse(*parser, row.text, step);
      EXPECT_EQ(outcome.refused, 0) << row.text;
      EXPECT_TRUE(outcome.complete) << row.text << step;
      EXPECT_EQ(outcome.body, row.body);
      EXPECT_EQ(outcome.left, row.left) << row.text << step;
      EXPECT_EQ(parser->head().path(), "/a");
    }
  }
}

TEST(RequestParser, RefusesWhatAnotherServerMightReadDifferently) {
  const std::string line = "POST / HTTP/1.1\r\n";
  const std::string host = line + "Host: h\r\n";
  const std::string chunked = host + "Transfer-Encoding: chunked\r\n\r\n";
  const std::pair<std::string, int> rows[] = {
      {host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {host + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
      {host + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
      {host + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
      {host + "Content-Length: 5, 5\r\n\r\n", 400},
      {host + "Content-Length: +5\r\n\r\n", 400},
      {host + "Content-Length: -5\r\n\r\n", 400},
      {host + "Content-Length: 0x5\r\n\r\n", 400},
      {host + "Content-Length:\r\n\r\n", 400},
      {host + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {host + "Content-Length : 5\r\n\r\n", 400},
      {host + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {host + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {host + "Transfer-Encoding: xchunked\r\n\r\n", 501},
      {host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {host + "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {host + "X: a\r\n b\r\n\r\n", 400},
      {host + "X: a\r\n\tb\r\n\r\n", 400},
      {line + " Host: h\r\n\r\n", 400},
      {host + "X\r\n\r\n", 400},
      {host + ": x\r\n\r\n", 400},
      {host + "X Y: x\r\n\r\n", 400},
      {host + "X: a\rb\r\n\r\n", 400},
      {host + std::string("X: a\0b\r\n\r\n", 10), 400},
      {host + "X: a\nY: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: h\n\n", 400},
      {line + "\r\n", 400},
      {host + "Host: i\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"GET / HTTP/1.1 \r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
      {"GET / HTTP/0.9\r\n\r\n", 505},
      {"GET / HTTX/1.1\r\n\r\n", 400},
      {"\x16\x03\x01\x02", 400},
      {std::string("\0\0\0", 3), 400},
      {"GET /" + std::string(2000, 'a'), 431},
      {host + "X: " + std::string(2000, 'a') + "\r\n\r\n", 431},
      {chunked + "g\r\nxxxxx", 400},
      {chunked + "-1\r\nxxxxx", 400},
      {chunked + "fffffffffffffffff\r\n", 400},
      {chunked + "1\r\nxyzzy\r\n", 400},
      {chunked + "1;" + std::string(4000, 'a'), 431},
      {chunked + "0\r\nX: " + std::string(4000, 'a'), 431},
      {chunked + "1;" + std::string(4000, 'a') + "\r\nx\r\n0\r\n\r\n", 431},
      {chunked + "0\r\nX: " + std::string(4000, 'a') + "\r\n\r\n", 431},
  };
  for (const auto& [text, status] : rows) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, text.size()}) {
      const auto parser = RequestParser::create(max_head);
      EXPECT_EQ(parse(*parser, text, step).refused, status) << text << " in steps of " << step;
    }
  }
}

TEST(ResponseParser, KnowsWhereEachKindOfBodyEnds) {
  struct Row {
    std::string text;
    bool bodyless;
    std::string body;
    bool complete;
    bool complete_at_end;
  };
  const Row rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false, "abc", true, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", false, "ab", false, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true, "", true, true},
      {"HTTP/1.1 204 No Content\r\n\r\n", false, "", true, true},
      {"HTTP/1.1 304 \r\n\r\n", false, "", true, true},
      {"HTTP/1.1 200 OK\r\n\r\nabc", false, "abc", false, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", false, "abc", false, false},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", false, "abc", true, true},
  };
  for (const Row& row : rows) {
    const auto parser = ResponseParser::create(max_head, row.bodyless);
    const Outcome outcome = parse(*parser, row.text, row.text.size());
    EXPECT_EQ(outcome.refused, 0) << row.text;
    EXPECT_EQ(outcome.body, row.body) << row.text;
    EXPECT_EQ(outcome.complete, row.complete) << row.text;
    EXPECT_EQ(parser->done() || parser->end_of_input().has_value(), row.complete_at_end) << row.text;
  }
}

}  // namespace
}  // namespace gogrid::net
