// Members of JSON objects: every slice is JSON again, and lies in the text.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "wire/json_members.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto members = gogrid::wire::members_of(text);
  if (!members) return 0;
  for (const auto& member : *members) {
    if (member.value.data() < text.data() || member.value.data() + member.value.size() > text.data() + text.size())
      std::abort();
    if (!nlohmann::json::accept(member.value)) std::abort();
  }
  return 0;
}
