#include "cli/add_file.hpp"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "base/utf8.hpp"
#include "cli/formatter/text.hpp"
#include "cli/progress.hpp"
#include "client/upload.hpp"
#include "domain/gguf.hpp"
#include "domain/name.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

// The vocabulary of a large model is a few megabytes of header.
constexpr std::size_t first_prefix_bytes = 4 * 1024 * 1024;
constexpr std::size_t last_prefix_bytes = 1024 * 1024 * 1024;
constexpr std::array<std::byte, 4> zstd_magic{std::byte{0x28}, std::byte{0xb5}, std::byte{0x2f}, std::byte{0xfd}};

Result<std::vector<std::byte>> read_prefix(const OpenedFile& file, std::size_t size_bytes) {
  std::vector<std::byte> prefix(static_cast<std::size_t>(std::min<std::uint64_t>(size_bytes, file.size_bytes)));
  if (::lseek(file.descriptor.get(), 0, SEEK_SET) != 0) return system_error("reading the file", errno);
  const auto count = read_fully(file.descriptor.get(), prefix);
  if (!count) return count.error();
  prefix.resize(*count);
  return prefix;
}

}  // namespace

Result<std::string> name_to_add(Context& context, const std::string& asked_for, const std::string& of_file) {
  std::string name = asked_for.empty() ? domain::to_name(of_file) : asked_for;
  if (domain::is_name(name)) return name;
  if (asked_for.empty()) return context.wrong_usage("no name can be made of the file's; choose one with --name");
  return context.wrong_usage("--name must be " + std::string(domain::name_rule));
}

Result<OpenedFile> open_to_add(const std::filesystem::path& path) {
  auto descriptor = open_file(path, O_RDONLY | O_NONBLOCK);
  // Exit code 5 is for what the coordinator does not have.
  if (!descriptor) return Error(ErrorCode::invalid_argument, descriptor.error().detail);
  struct stat info {};
  if (::fstat(descriptor->get(), &info) != 0) return system_error(path.string(), errno);
  if (!S_ISREG(info.st_mode)) return Error(ErrorCode::invalid_argument, path.string() + " is not a file");
  if (info.st_size == 0) return Error(ErrorCode::invalid_argument, path.string() + " is empty");
  OpenedFile file;
  file.descriptor = std::move(*descriptor);
  file.size_bytes = static_cast<std::uint64_t>(info.st_size);
  return file;
}

Result<domain::GgufHeader> read_model_header(const OpenedFile& file, const std::filesystem::path& path) {
  for (std::size_t size = first_prefix_bytes; size <= last_prefix_bytes; size *= 4) {
    const auto prefix = read_prefix(file, size);
    if (!prefix) return prefix.error();
    auto header = domain::parse_gguf(*prefix, file.size_bytes);
    if (!header) return Error(ErrorCode::invalid_argument, path.string() + ": " + header.error().detail);
    if (*header) return std::move(**header);
    if (prefix->size() < size) break;
  }
  return Error(ErrorCode::invalid_argument, path.string() + ": the GGUF header does not end; the file is damaged");
}

Result<void> check_engine(const OpenedFile& file, const std::filesystem::path& path) {
  const auto prefix = read_prefix(file, zstd_magic.size());
  if (!prefix) return prefix.error();
  if (std::equal(prefix->begin(), prefix->end(), zstd_magic.begin(), zstd_magic.end())) return {};
  return Error(ErrorCode::invalid_argument,
               path.string() + " is not an engine bundle (.tar.zst); engine/build makes one");
}

asio::awaitable<Result<std::string>> add_file(Context& context, client::CoordinatorClient& client,
                                              const OpenedFile& file, client::UploadRequest request) {
  request.size_bytes = file.size_bytes;
  {
    Progress progress(context.terminal(), "Checking", file.size_bytes);
    auto show = [&progress](std::uint64_t done) { progress.update(done); };
    auto hash = co_await client::hash_file(context.pool(), file.descriptor.get(), file.size_bytes, std::move(show));
    if (!hash) co_return hash.error();
    request.sha256 = std::move(*hash);
  }
  Progress progress(context.terminal(), "Uploading", file.size_bytes);
  client::Upload upload;
  upload.request = std::move(request);
  upload.fd = file.descriptor.get();
  upload.on_progress = [&progress](std::uint64_t done) { progress.update(done); };
  upload.on_retry = [&progress](const Error& error, std::chrono::milliseconds pause) {
    progress.note(fmt::format("{}; trying again in {}", printable(error.detail),
                              format_duration(std::chrono::ceil<std::chrono::seconds>(pause))));
  };
  co_return co_await client::upload_file(client, context.pool(), std::move(upload));
}

}  // namespace gogrid::cli
