// Reading one HTTP/1.1 message (RFC 9112) without I/O: bytes in, head and body pieces out. Strict where laxness lets
// two servers see two different messages in the same bytes (request smuggling). One owner, any thread. Boost.Beast
// stays behind this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "net/http.hpp"

namespace gogrid::net {

class MessageParser {
 public:
  // What read_body found: the first `used` bytes of the input are done with; `body` lies within them. used == 0: more
  // is needed.
  struct Piece {
    std::size_t used = 0;
    std::string_view body;
  };

  virtual ~MessageParser();

  // Looks for a whole head at the start of `input` and returns its size; 0 while it is incomplete: call again with the
  // same bytes and more behind them.
  Result<std::size_t> read_head(std::string_view input);

  // The next piece of the body, `max_bytes` at most (0: framing only). Call after the head and until done().
  Result<Piece> read_body(std::string_view input, std::size_t max_bytes);

  // The peer sent its end: completes a message that is delimited by it, otherwise the message was cut short
  // (`protocol`).
  Result<void> end_of_input();

  // After the head:
  virtual bool done() const = 0;
  virtual bool keep_alive() const = 0;
  virtual std::optional<std::uint64_t> content_length() const = 0;
  // Bytes of the body still to come, if known.
  virtual std::optional<std::uint64_t> remaining() const = 0;

  // The HTTP status that answers what the last error complained of.
  int refusal_status() const { return refusal_status_; }

 protected:
  explicit MessageParser(std::size_t max_head_bytes) : max_head_bytes_(max_head_bytes) {}
  Error refuse(int status, std::string detail);

 private:
  Result<std::size_t> find_head_end(std::string_view input);
  virtual bool plausible_start(char first) const = 0;
  virtual Result<void> put_head(std::string_view head) = 0;
  // One step: a piece of framing or of the body. used == 0 and no body: it needs more, or `max_bytes` is 0 before a
  // body.
  virtual Result<Piece> put_body(std::string_view input, std::size_t max_bytes) = 0;
  virtual Result<void> put_end() = 0;

  std::size_t max_head_bytes_;
  std::size_t scanned_ = 0;
  std::size_t head_start_ = 0;
  int refusal_status_ = 400;
};

class RequestParser : public MessageParser {
 public:
  static std::unique_ptr<RequestParser> create(std::size_t max_head_bytes);
  RequestHead& head() { return head_; }
  bool http_1_0() const { return http_1_0_; }

 protected:
  using MessageParser::MessageParser;
  RequestHead head_;
  bool http_1_0_ = false;
};

class ResponseParser : public MessageParser {
 public:
  // `bodyless`: the answer to a HEAD request.
  static std::unique_ptr<ResponseParser> create(std::size_t max_head_bytes, bool bodyless);
  ResponseHead& head() { return head_; }

 protected:
  using MessageParser::MessageParser;
  ResponseHead head_;
};

}  // namespace gogrid::net
