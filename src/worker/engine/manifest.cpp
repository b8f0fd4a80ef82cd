#include "worker/engine/manifest.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gogrid::worker {
namespace {

constexpr int known_format = 1;
constexpr std::size_t max_text_bytes = 256;
constexpr std::size_t max_environment = 32;

Error wrong(const std::string& what) {
  return Error(ErrorCode::invalid_argument,
               "the engine bundle's " + std::string(engine_manifest_name) + " is wrong: " + what);
}

bool is_plain(const std::string& text) {
  return text.size() <= max_text_bytes &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

Result<std::string> text_field(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return wrong(std::string("\"") + key + "\" must be a text");
  std::string text = found->get<std::string>();
  if (text.empty() || !is_plain(text))
    return wrong(std::string("\"") + key + "\" is empty, too long, or holds control characters");
  return text;
}

bool is_variable_name(const std::string& name) {
  return !name.empty() && is_plain(name) &&
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

Result<void> read_environment(const nlohmann::json& json, EngineManifest& manifest) {
  const auto found = json.find("env");
  if (found == json.end()) return {};
  if (!found->is_object() || found->size() > max_environment)
    return wrong("\"env\" must be an object of at most 32 texts");
  for (const auto& [name, value] : found->items()) {
    if (!is_variable_name(name) || !value.is_string() || !is_plain(value.get<std::string>()))
      return wrong("\"env\" holds what is no variable");
    // The loader's variables would let a manifest choose what is loaded; a bundle can put its libraries in place
    // instead.
    if (name.starts_with("LD_")) return wrong("\"env\" may not set " + name);
    manifest.environment.emplace_back(name, value.get<std::string>());
  }
  return {};
}

}  // namespace

std::string EngineManifest::description() const { return name + " " + version + " (" + flavour + ")"; }

Result<EngineManifest> parse_engine_manifest(std::string_view text, std::string_view target) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return wrong("it is not a JSON object");
  const auto format = json.find("format");
  if (format == json.end() || !format->is_number_integer()) return wrong("\"format\" must be a number");
  if (*format != known_format) {
    return Error(ErrorCode::unsupported,
                 "the engine bundle has format " + format->dump().substr(0, 20) +
                     ", this worker knows format 1: update the worker, or add a bundle made for it");
  }
  EngineManifest manifest;
  const std::pair<const char*, std::string*> fields[] = {{"name", &manifest.name},
                                                         {"version", &manifest.version},
                                                         {"flavour", &manifest.flavour},
                                                         {"target", &manifest.target},
                                                         {"executable", &manifest.executable}};
  for (const auto& [key, field] : fields) {
    auto value = text_field(json, key);
    if (!value) return value.error();
    *field = std::move(*value);
  }
  if (manifest.executable.front() != '/' || manifest.executable.find("/../") != std::string::npos) {
    return wrong("\"executable\" must be an absolute path in the bundle");
  }
  if (auto read = read_environment(json, manifest); !read) return read.error();
  if (manifest.target != target) {
    return Error(ErrorCode::unsupported, "the engine bundle is for " + manifest.target + ", this machine is " +
                                             std::string(target) +
                                             ": add one that is built for it with `gogrid engine add`");
  }
  return manifest;
}

std::string machine_target() {
  utsname name{};
  ::uname(&name);
  return std::string("linux-") + name.machine;
}

}  // namespace gogrid::worker
