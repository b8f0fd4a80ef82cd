// Bundles as an administrator may upload them. An even first byte: the rest is the file, whatever it is. An odd one:
// the rest is the manifest of a bundle that is well-formed. What is accepted is what the manifest says, and can stand
// in tables and file names; the worker reads the same of it.
#include <archive.h>
#include <archive_entry.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "coordinator/engine_bundle.hpp"
#include "worker/engine/manifest.hpp"

using namespace gogrid;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

std::string bundle_with(std::string_view manifest) {
  std::string bytes(manifest.size() + 16 * 1024, '\0');
  std::size_t used = 0;
  const std::unique_ptr<archive, int (*)(archive*)> writer(archive_write_new(), archive_write_free);
  archive_write_set_format_gnutar(writer.get());
  archive_write_open_memory(writer.get(), bytes.data(), bytes.size(), &used);
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), archive_entry_free);
  archive_entry_set_pathname(entry.get(), worker::engine_manifest_name);
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(manifest.size()));
  check(archive_write_header(writer.get(), entry.get()) == ARCHIVE_OK);
  archive_write_data(writer.get(), manifest.data(), manifest.size());
  check(archive_write_close(writer.get()) == ARCHIVE_OK);
  bytes.resize(used);
  return bytes;
}

Result<coordinator::EngineManifest> read(std::string_view bundle) {
  static const FileDescriptor file(::memfd_create("bundle", MFD_CLOEXEC));
  check(::ftruncate(file.get(), 0) == 0 && ::lseek(file.get(), 0, SEEK_SET) == 0);
  check(write_fully(file.get(), as_bytes(bundle)).has_value());
  return coordinator::read_engine_manifest("/proc/self/fd/" + std::to_string(file.get()));
}

bool is_plain(const std::string& text) {
  return !text.empty() && text.size() <= 64 && text.find_first_of(std::string_view("/\\\"' \n\0", 7)) == text.npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool is_manifest = data[0] % 2 == 1;
  const auto manifest = read(is_manifest ? bundle_with(text) : text);
  if (!manifest) {
    check(manifest.error().code == ErrorCode::invalid_argument);
    check(manifest.error().detail.starts_with("this is no engine bundle: "));
    return 0;
  }
  check(is_plain(manifest->version) && is_plain(manifest->flavour) && is_plain(manifest->target));
  if (!is_manifest) return 0;
  const auto json = nlohmann::json::parse(text);
  check(json.at("format") == 1 && json.at("version") == manifest->version);
  check(json.at("flavour") == manifest->flavour && json.at("target") == manifest->target);
  const auto at_worker = worker::parse_engine_manifest(text, manifest->target);
  if (at_worker) check(at_worker->version == manifest->version && at_worker->flavour == manifest->flavour);
  // The target is the one thing that the coordinator tells from it before a worker does.
  if (!at_worker) check(at_worker.error().detail.find(", this machine is ") == std::string::npos);
  return 0;
}
