// HTTP requests as a stranger may send them, cut into reads as the network likes, and what is read of their headers.
// The first byte chooses the size of the reads.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/number.hpp"
#include "net/byte_range.hpp"
#include "net/http_parser.hpp"

using namespace gogrid;
using namespace gogrid::net;

namespace {

// What is sent of a body lies in it, and who asked for it reads where.
void check_range(const Headers& headers) {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}, UINT64_MAX}) {
    const ByteRange range = parse_byte_range(headers.get("Range"), size);
    if (range.kind == ByteRange::Kind::whole) {
      if (range.first != 0 || range.length != size) std::abort();
      continue;
    }
    const ContentRange answer = parse_content_range(content_range(range, size));
    if (answer.total_bytes != size) std::abort();
    if (range.kind == ByteRange::Kind::unsatisfiable) continue;
    if (range.length == 0 || range.first >= size || range.length > size - range.first) std::abort();
    if (answer.first != range.first) std::abort();
  }
}

// A number is read as its digits say.
void check_number(std::string_view text) {
  const auto number = parse_number(text);
  if (!number) return;
  std::string digits(text);
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  if (std::to_string(*number) != digits) std::abort();
}

// What the parser makes of `text` when it comes `step` bytes at a time.
std::string outcome(std::string_view text, std::size_t step) {
  constexpr std::size_t max_head_bytes = 512;
  const auto parser = RequestParser::create(max_head_bytes);
  std::string buffer;
  std::string body;
  bool in_body = false;
  while (!text.empty()) {
    buffer += text.substr(0, step);
    text.remove_prefix(std::min(step, text.size()));
    if (!in_body) {
      const auto size = parser->read_head(buffer);
      if (!size) return "refused";
      if (*size == 0) {
        if (buffer.size() > max_head_bytes) std::abort();
        continue;
      }
      buffer.erase(0, *size);
      in_body = true;
      const auto& head = parser->head();
      (void)path_segments(head.path());
      (void)head.query("key");
      check_range(head.headers);
      check_number(head.headers.get("x-gogrid-resume").value_or(""));
      check_number(head.headers.get("Last-Event-ID").value_or(""));
      if (head.headers.get("Content-Length") && head.headers.get("Transfer-Encoding")) std::abort();
    }
    while (!parser->done()) {
      const auto piece = parser->read_body(buffer, 7);
      if (!piece) return "refused";
      if (piece->used > buffer.size() || piece->body.size() > 7) std::abort();
      body += piece->body;
      buffer.erase(0, piece->used);
      if (piece->used == 0) break;
    }
  }
  return in_body && parser->done() ? "done:" + body : "unfinished";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = outcome(text, text.size());
  const std::string cut = outcome(text, data[0] % 64 + 1);
  // However it is cut, a message is the same message, or the same refusal.
  const bool whole_done = whole.starts_with("done:");
  const bool cut_done = cut.starts_with("done:");
  if (whole_done && cut_done && whole != cut) std::abort();
  if ((whole_done && cut == "refused") || (cut_done && whole == "refused")) std::abort();
  return 0;
}
