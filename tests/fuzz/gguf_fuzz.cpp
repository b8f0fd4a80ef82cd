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
  if (!whole) return 0;
  const gogrid::domain::GgufHeader& header = **whole;
  (void)header.kind();
  // What is added to a model's memory must not be able to overflow.
  if (header.shape.kv_bytes_per_token > std::uint64_t{1} << 47) std::abort();
  if (header.split_number >= header.split_count) std::abort();
  // A file never goes with itself, and is a model of its own only when it is not split.
  const auto joined = gogrid::domain::join_weights({header});
  if (joined && header.split_count != 1) std::abort();
  if (gogrid::domain::check_companion(header, header) && header.role == gogrid::domain::FileRole::weights) std::abort();
  return 0;
}
