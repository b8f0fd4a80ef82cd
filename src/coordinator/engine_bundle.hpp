// Reads what an engine bundle (a tar compressed with zstd, as engine/build makes it) says of itself: the manifest
// gogrid-engine.json at its root. Blocking, any thread.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace gogrid::coordinator {

struct EngineManifest {
  std::string version;
  // "cpu", "vulkan"
  std::string flavour;
  // "linux-x86_64"
  std::string target;
};

// invalid_argument for a file that is no engine bundle, and why.
Result<EngineManifest> read_engine_manifest(const std::filesystem::path& path);

}  // namespace gogrid::coordinator
