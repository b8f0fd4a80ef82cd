// A manifest that is accepted starts a program inside the bundle and sets no variable of the loader's.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "worker/engine/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto manifest = gogrid::worker::parse_engine_manifest(text, "linux-x86_64");
  if (!manifest) return 0;
  if (manifest->executable.front() != '/' || manifest->executable.find("/../") != std::string::npos) std::abort();
  for (const auto& [name, value] : manifest->environment) {
    if (name.empty() || name.starts_with("LD_") || name.find('=') != std::string::npos ||
        value.find('\0') != std::string::npos)
      std::abort();
  }
  return 0;
}
