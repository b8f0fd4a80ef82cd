// No name, and no link, that a bundle may bring leads out of the directory it is unpacked into.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "worker/engine/archive.hpp"

using namespace gogrid::worker;

namespace {

bool inside(const std::filesystem::path& path) {
  const auto normal = ("/root" / path).lexically_normal().string();
  return normal == "/root" || normal.starts_with("/root/");
}

}  // namespace

// The entry's name, a zero byte, and a link's target.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto split = std::min(text.find('\0'), text.size());
  const auto name = check_entry_name(text.substr(0, split));
  if (!name) return 0;
  if (name->is_absolute() || !inside(*name)) std::abort();
  const std::string_view target = text.substr(std::min(split + 1, text.size()));
  if (!check_link_target(*name, target)) return 0;
  if (target.front() != '/' && !inside(name->parent_path() / target)) std::abort();
  return 0;
}
