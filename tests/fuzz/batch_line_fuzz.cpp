// Lines of a batch's input file. What is accepted has an id and a body that is a slice of the line; what is refused
// says why.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/batch_line.hpp"

using namespace gogrid::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const BatchLine read = read_batch_line("/v1/embeddings", line);
  if (read.custom_id.size() > max_custom_id_bytes) std::abort();
  if (read.problem) {
    if (read.problem->message.empty() || read.problem->code.empty() || !read.body.empty()) std::abort();
    return 0;
  }
  if (read.custom_id.empty() || !read.body.starts_with('{') || !read.body.ends_with('}')) std::abort();
  if (read.body.data() < line.data() || read.body.data() + read.body.size() > line.data() + line.size()) std::abort();
  return 0;
}
