// Fuzzes the reader of GGUF headers: the first two bytes choose how much of the file is shown to it, the rest is the
// file.
#include <cstdlib>
#include <vector>

#include "domain/gguf.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using gogrid::domain::parse_gguf;
  if (size < 2) return 0;
  const std::size_t shown = static_cast<std::size_t>(data[0]) << 8 | data[1];
  const auto file = std::as_bytes(std::span(data + 2, size - 2));
  // A copy of its own, so that a read past it is seen.
  const std::vector<std::byte> prefix(file.begin(),
                                      file.begin() + static_cast<std::ptrdiff_t>(std::min(shown, file.size())));
  const auto whole = parse_gguf(file, file.size());
  const auto part = parse_gguf(prefix, file.size());
  // All of a file is an answer; a part of it may only be one where the whole is the same one.
  if (whole && !*whole) std::abort();
  if (part && *part && (!whole || (*whole)->parameters != (**part).parameters)) std::abort();
  if (!part && whole) std::abort();
  if (whole) (void)(**whole).kind();
  return 0;
}
