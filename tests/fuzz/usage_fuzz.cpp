// What an answer took: in one piece and in pieces of any size the same is found, and sums of it stay in their range.
// The first byte chooses the size.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "wire/usage.hpp"

using gogrid::domain::Usage;
using gogrid::wire::read_usage;
using gogrid::wire::StreamUsage;

namespace {

constexpr std::uint64_t bound = std::uint64_t{1} << 62;

std::optional<Usage> in_pieces(std::string_view text, std::size_t step) {
  StreamUsage usage;
  while (!text.empty()) {
    usage.feed(text.substr(0, step));
    text.remove_prefix(std::min(step, text.size()));
  }
  return usage.usage();
}

void check(const std::optional<Usage>& usage) {
  if (usage && (usage->prompt_tokens > bound || usage->completion_tokens > bound)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  check(read_usage(text));
  const auto whole = in_pieces(text, text.size());
  check(whole);
  const auto pieces = in_pieces(text, data[0] % 64 + 1);
  check(pieces);
  // Of lines that are cut not the same is kept.
  if (text.size() < 1024 && whole != pieces) std::abort();
  return 0;
}
