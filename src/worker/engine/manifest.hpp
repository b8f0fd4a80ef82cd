// EngineManifest: gogrid-engine.json at the root of an engine bundle (engine/README.md): what to start in it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace gogrid::worker {

inline constexpr const char* engine_manifest_name = "gogrid-engine.json";

struct EngineManifest {
  std::string name;     // "llama.cpp"
  std::string version;  // "0.7.0-2"
  std::string flavour;  // "cpu"
  std::string target;   // "linux-x86_64"
  std::string executable;
  std::vector<std::pair<std::string, std::string>> environment;

  // "llama.cpp 0.7.0-2 (cpu)"
  std::string description() const;
};

// `target` is this machine's ("linux-x86_64"): a bundle for another is `unsupported`, as is a later format. Everything
// else that is wrong is invalid_argument and names the field.
Result<EngineManifest> parse_engine_manifest(std::string_view text, std::string_view target);

// This machine's name in releases and bundles: "linux-x86_64", "linux-aarch64".
std::string machine_target();

}  // namespace gogrid::worker
