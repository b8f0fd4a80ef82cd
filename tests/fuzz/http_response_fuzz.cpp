// HTTP responses as a broken server may send them, and which part of a file they say they hold. The first byte: the
// size of the reads, and whether the request was HEAD.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/byte_range.hpp"
#include "net/http_parser.hpp"

using namespace gogrid::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = data[0] % 32 + 1;
  const auto parser = ResponseParser::create(512, data[0] >= 224);
  std::string buffer;
  bool in_body = false;
  while (!text.empty()) {
    buffer += text.substr(0, step);
    text.remove_prefix(std::min(step, text.size()));
    if (!in_body) {
      const auto head = parser->read_head(buffer);
      if (!head) return 0;
      if (*head == 0) continue;
      buffer.erase(0, *head);
      in_body = true;
      const ContentRange range = parse_content_range(parser->head().headers.get("Content-Range").value_or(""));
      // There is a byte to come.
      if (range.first && range.total_bytes && *range.first >= *range.total_bytes) std::abort();
    }
    while (!parser->done()) {
      // Every other call asks for framing only.
      const auto framing = parser->read_body(buffer, 0);
      if (!framing) return 0;
      if (!framing->body.empty()) std::abort();
      buffer.erase(0, framing->used);
      if (parser->done()) break;
      const auto piece = parser->read_body(buffer, 100);
      if (!piece) return 0;
      if (piece->used > buffer.size() || piece->body.size() > 100) std::abort();
      buffer.erase(0, piece->used);
      if (piece->used == 0) break;
    }
  }
  if (in_body && !parser->done()) (void)parser->end_of_input();
  return 0;
}
