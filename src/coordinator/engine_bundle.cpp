#include "coordinator/engine_bundle.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

namespace gogrid::coordinator {
namespace {

constexpr std::size_t max_manifest_bytes = 1024 * 1024;
// Real bundles have a few hundred entries and unpack to half a gigabyte.
constexpr int max_entries = 200'000;
constexpr std::int64_t max_unpacked_bytes = std::int64_t{16} * 1024 * 1024 * 1024;
constexpr std::size_t read_block_bytes = 128 * 1024;

struct CloseArchive {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
using Archive = std::unique_ptr<archive, CloseArchive>;

Error refuse(const std::string& what) {
  return Error(ErrorCode::invalid_argument, "this is no engine bundle: " + what);
}

Error archive_fault(archive* handle) {
  const char* text = archive_error_string(handle);
  return refuse(std::string("the archive cannot be read") + (text ? std::string(": ") + text : ""));
}

Result<std::string> read_entry(archive* handle) {
  std::string text(max_manifest_bytes + 1, '\0');
  const auto count = archive_read_data(handle, text.data(), text.size());
  if (count < 0) return archive_fault(handle);
  if (static_cast<std::size_t>(count) > max_manifest_bytes) return refuse("its gogrid-engine.json is too large");
  text.resize(static_cast<std::size_t>(count));
  return text;
}

// What may stand in tables and file names.
bool is_plain(const std::string& text) {
  constexpr std::size_t max_characters = 64;
  return !text.empty() && text.size() <= max_characters && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '_' || c == '-' || c == '+' || c == '~' || c == ':';
  });
}

Result<EngineManifest> parse(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return refuse("its gogrid-engine.json is not a JSON object");
  const auto field = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto format = json.find("format");
  if (format == json.end() || *format != 1) return refuse("it has a format that this version does not know; only 1 is");
  EngineManifest manifest;
  manifest.version = field("version");
  manifest.flavour = field("flavour");
  manifest.target = field("target");
  for (const auto* value : {&manifest.version, &manifest.flavour, &manifest.target}) {
    if (!is_plain(*value)) return refuse("its gogrid-engine.json lacks a proper version, flavour or target");
  }
  return manifest;
}

}  // namespace

Result<EngineManifest> read_engine_manifest(const std::filesystem::path& path) {
  const Archive handle(archive_read_new());
  if (archive_read_support_filter_zstd(handle.get()) != ARCHIVE_OK ||
      archive_read_support_format_tar(handle.get()) != ARCHIVE_OK) {
    return Error(ErrorCode::unsupported, "this build's libarchive cannot read .tar.zst files");
  }
  if (archive_read_open_filename(handle.get(), path.c_str(), read_block_bytes) != ARCHIVE_OK)
    return archive_fault(handle.get());
  for (int count = 0; count < max_entries; ++count) {
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(handle.get(), &entry);
    if (code == ARCHIVE_EOF) return refuse("there is no gogrid-engine.json in it; make one with engine/build");
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return archive_fault(handle.get());
    if (archive_filter_bytes(handle.get(), 0) > max_unpacked_bytes) return refuse("it unpacks to more than 16 GiB");
    std::string_view name = archive_entry_pathname(entry) ? archive_entry_pathname(entry) : "";
    if (name.starts_with("./")) name.remove_prefix(2);
    if (name != "gogrid-engine.json" || archive_entry_filetype(entry) != AE_IFREG) continue;
    const auto text = read_entry(handle.get());
    if (!text) return text.error();
    return parse(*text);
  }
  return refuse("it has too many files");
}

}  // namespace gogrid::coordinator
