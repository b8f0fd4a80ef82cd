// multipart/form-data bodies. The first byte: the size of the pieces it comes in. However it is cut, it says the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/multipart.hpp"

using namespace gogrid::net;

namespace {

// All that it said, written down.
std::string read(std::string_view body, std::size_t step) {
  std::string said;
  MultipartReader::Limits limits;
  limits.max_parts = 4;
  limits.max_header_bytes = 256;
  MultipartReader reader("b", limits);
  while (!body.empty()) {
    std::string_view input = body.substr(0, step);
    body.remove_prefix(input.size());
    while (!input.empty()) {
      const std::size_t before = input.size();
      const auto event = reader.next(input);
      if (!event) return said + "\n!";
      if (input.size() > before) std::abort();
      switch (*event) {
        case MultipartReader::Event::more:
          if (!input.empty()) std::abort();
          break;
        case MultipartReader::Event::begin:
          said += "\n[" + reader.part().name + "|" + reader.part().filename.value_or("-") + "|" +
                  reader.part().content_type + "]";
          break;
        case MultipartReader::Event::data:
          if (reader.data().empty()) std::abort();
          said += reader.data();
          break;
        case MultipartReader::Event::end:
          said += "\n]";
          break;
        case MultipartReader::Event::done:
          if (!reader.done()) std::abort();
          break;
      }
    }
  }
  return said + (reader.done() ? "\n." : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (read(body, data[0] % 64 + 1) != read(body, body.size() + 1)) std::abort();
  (void)MultipartReader::boundary_of(body);
  return 0;
}
