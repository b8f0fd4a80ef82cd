#include "net/http_parser.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/src.hpp>

namespace gogrid::net {
namespace {

namespace http = boost::beast::http;
using BeastView = boost::beast::string_view;
using ErrorCodeOut = boost::beast::error_code;

std::string to_std(BeastView text) { return std::string(text.data(), text.size()); }

// What every head is held to beyond what Beast checks (RFC 9112 §6.1, §6.3; RFC 9110 §7.2).
struct FramingRules {
  int content_lengths = 0;
  int transfer_encodings = 0;
  int hosts = 0;
  bool bad_length = false;
  bool unknown_encoding = false;

  void see(http::field name, BeastView value) {
    if (name == http::field::content_length) {
      ++content_lengths;
      bad_length |= value.empty() || value.size() > 19 || value.find_first_not_of("0123456789") != BeastView::npos;
    } else if (name == http::field::transfer_encoding) {
      ++transfer_encodings;
      unknown_encoding |= !equal_ignoring_case({value.data(), value.size()}, "chunked");
    } else if (name == http::field::host) {
      ++hosts;
    }
  }
};

// A start line that is well-formed but for its version.
bool names_a_version(std::string_view head) {
  const std::string_view line = head.substr(0, head.find('\r'));
  if (line.size() < 8 || std::count(line.begin(), line.end(), ' ') != 2) return false;
  const std::string_view version = line.substr(line.size() - 8);
  return version.starts_with("HTTP/") && version[6] == '.' && version[5] >= '0' && version[5] <= '9' &&
         version[7] >= '0' && version[7] <= '9';
}

// Base is RequestParser or ResponseParser, in whose head what is read ends up.
template <bool is_request, class Base>
class BeastParser final : public Base, private http::basic_parser<is_request> {
 public:
  BeastParser(std::size_t max_head_bytes, bool bodyless) : Base(max_head_bytes) {
    this->header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(max_head_bytes + 1, UINT32_MAX)));
    this->body_limit(boost::none);
    this->eager(false);
    if (bodyless) this->skip(true);
  }

  bool done() const override { return this->is_done(); }
  bool keep_alive() const override { return http::basic_parser<is_request>::keep_alive(); }
  std::optional<std::uint64_t> content_length() const override {
    const auto length = http::basic_parser<is_request>::content_length();
    return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
  }
  std::optional<std::uint64_t> remaining() const override {
    if (this->is_done()) return 0;
    const auto length = this->content_length_remaining();
    return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
  }

 private:
  bool plausible_start(char first) const override {
    return is_request ? (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z') : first == 'H';
  }

  Result<void> put_head(std::string_view head) override {
    ErrorCodeOut failure;
    std::size_t used = 0;
    while (used < head.size() && !failure) {
      used += this->put({head.data() + used, head.size() - used}, failure);
      if (this->is_header_done()) break;
    }
    // The rules first: they name the fault better than Beast does.
    if (rules_.content_lengths > 0 && rules_.transfer_encodings > 0) {
      return this->refuse(400, "both Content-Length and Transfer-Encoding");
    }
    if (rules_.content_lengths > 1) return this->refuse(400, "repeated Content-Length");
    if (rules_.bad_length) return this->refuse(400, "malformed Content-Length");
    if (rules_.transfer_encodings > 1) return this->refuse(400, "repeated Transfer-Encoding");
    if (rules_.unknown_encoding) return this->refuse(501, "Transfer-Encoding other than chunked");
    if (failure == http::error::bad_version && names_a_version(head)) {
      return this->refuse(505, "only HTTP/1.1 is spoken here");
    }
    if (failure) return translate(failure);
    if (!this->is_header_done() || used != head.size()) return this->refuse(400, "malformed head");
    if (is_http_1_0() && rules_.transfer_encodings > 0) {
      return this->refuse(400, "Transfer-Encoding in HTTP/1.0");
    }
    if constexpr (is_request) {
      if (rules_.hosts > 1 || (rules_.hosts == 0 && !this->http_1_0_)) {
        return this->refuse(400, "a request needs one Host header");
      }
    }
    return {};
  }

  bool is_http_1_0() const { return version_ == 10; }

  Result<MessageParser::Piece> put_body(std::string_view input, std::size_t max_bytes) override {
    piece_ = {};
    room_ = max_bytes;
    // Beast asserts that a last chunk that it has begun to read is five bytes when it is shown again ("0\r\n\r\n").
    if (stalled_ && input.size() < 5) return MessageParser::Piece{};
    ErrorCodeOut failure;
    const std::size_t used = this->put({input.data(), input.size()}, failure);
    if (failure && failure != http::error::need_more) return translate(failure);
    stalled_ = failure == http::error::need_more && used == 0;
    return MessageParser::Piece{used, piece_};
  }

  Result<void> put_end() override {
    ErrorCodeOut failure;
    this->put_eof(failure);
    if (failure) return Error(ErrorCode::protocol, "the message was cut short");
    return {};
  }

  Error translate(const ErrorCodeOut& failure) {
    if (failure == http::error::header_limit) return this->refuse(431, "the head is too large");
    return this->refuse(400, "malformed message: " + failure.message());
  }

  void on_request_impl(http::verb, BeastView method, BeastView target, int version, ErrorCodeOut&) override {
    version_ = version;
    if constexpr (is_request) {
      this->head_.method = to_std(method);
      this->head_.target = to_std(target);
      this->http_1_0_ = version == 10;
    }
  }
  void on_response_impl(int status, BeastView, int version, ErrorCodeOut&) override {
    version_ = version;
    if constexpr (!is_request) this->head_.status = status;
  }
  void on_field_impl(http::field name, BeastView text, BeastView value, ErrorCodeOut&) override {
    if (head_done_) return;  // a trailer
    rules_.see(name, value);
    this->head_.headers.add(to_std(text), to_std(value));
  }
  void on_header_impl(ErrorCodeOut&) override { head_done_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCodeOut&) override {}
  std::size_t on_body_impl(BeastView body, ErrorCodeOut&) override { return take(body); }
  void on_chunk_header_impl(std::uint64_t, BeastView, ErrorCodeOut&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, ErrorCodeOut&) override { return take(body); }
  void on_finish_impl(ErrorCodeOut&) override {}

  std::size_t take(BeastView body) {
    piece_ = {body.data(), std::min(body.size(), room_)};
    return piece_.size();
  }

  FramingRules rules_;
  std::string_view piece_;
  std::size_t room_ = 0;
  int version_ = 11;
  bool head_done_ = false;
  bool stalled_ = false;
};

}  // namespace

MessageParser::~MessageParser() = default;

Error MessageParser::refuse(int status, std::string detail) {
  refusal_status_ = status;
  return Error(ErrorCode::protocol, std::move(detail));
}

// Line by line: a bare LF, a NUL or a folded line is refused as soon as it is seen, so that nothing waits for more of
// it.
Result<std::size_t> MessageParser::find_head_end(std::string_view input) {
  while (scanned_ < input.size()) {
    const auto feed = input.find('\n', scanned_);
    const std::string_view line = input.substr(scanned_, feed == std::string_view::npos ? feed : feed + 1 - scanned_);
    if (line.find('\0') != std::string_view::npos) return refuse(400, "a NUL in the head");
    if (feed == std::string_view::npos) break;
    if (line.size() < 2 || line[line.size() - 2] != '\r') return refuse(400, "a line that does not end in CR LF");
    const bool first_line = scanned_ == head_start_;
    if (!first_line && (line.front() == ' ' || line.front() == '\t')) return refuse(400, "a folded header line");
    scanned_ = feed + 1;
    if (line.size() == 2) {
      if (!first_line) return scanned_;
      // RFC 9112 §2.2: an empty line before a message is skipped.
      head_start_ = scanned_;
    }
  }
  return 0;
}

Result<std::size_t> MessageParser::read_head(std::string_view input) {
  const auto end = find_head_end(input);
  if (!end) return end.error();
  if (input.size() > head_start_ && input[head_start_] != '\r' && !plausible_start(input[head_start_])) {
    return refuse(400, "this is not HTTP");
  }
  if ((*end == 0 ? input.size() : *end) > max_head_bytes_) {
    return refuse(431, "the head is larger than " + std::to_string(max_head_bytes_) + " bytes");
  }
  if (*end == 0) return 0;
  if (const auto put = put_head(input.substr(head_start_, *end - head_start_)); !put) return put.error();
  return *end;
}

Result<MessageParser::Piece> MessageParser::read_body(std::string_view input, std::size_t max_bytes) {
  std::size_t used = 0;
  while (used < input.size() && !done()) {
    auto step = put_body(input.substr(used), max_bytes);
    if (!step) return step.error();
    // A chunk's size line and the trailers are held to the same bound as a head, whether they came whole or in parts.
    const bool waiting = step->used == 0 && max_bytes > 0;
    const std::size_t framing = waiting ? input.size() - used : step->used - step->body.size();
    if (framing > max_head_bytes_) return refuse(431, "a chunk's framing is too large");
    used += step->used;
    if (!step->body.empty()) return Piece{used, step->body};
    if (step->used == 0) break;
  }
  return Piece{used, {}};
}

Result<void> MessageParser::end_of_input() { return put_end(); }

std::unique_ptr<RequestParser> RequestParser::create(std::size_t max_head_bytes) {
  return std::make_unique<BeastParser<true, RequestParser>>(max_head_bytes, false);
}

std::unique_ptr<ResponseParser> ResponseParser::create(std::size_t max_head_bytes, bool bodyless) {
  return std::make_unique<BeastParser<false, ResponseParser>>(max_head_bytes, bodyless);
}

}  // namespace gogrid::net
