// An event stream in one piece and in reads of any size gives the same events, and never more than its bound is kept.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/http_client.hpp"

using gogrid::net::SseParser;

namespace {

std::string events(std::string_view text, std::size_t step) {
  constexpr std::size_t bound = 256;
  SseParser parser(bound);
  std::string all;
  while (!text.empty()) {
    const auto fed = parser.feed(text.substr(0, step), [&](const SseParser::Event& event) {
      if (event.data.size() > bound) std::abort();
      all += event.event + '\x1f' + event.data + '\x1f' + event.id + '\x1e';
    });
    if (!fed) return all + "refused";
    text.remove_prefix(std::min(step, text.size()));
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (events(text, text.size()) != events(text, data[0] % 32 + 1)) std::abort();
  return 0;
}
