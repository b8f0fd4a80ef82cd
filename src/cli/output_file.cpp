#include "cli/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <system_error>

#include "base/encoding.hpp"
#include "base/utf8.hpp"
#include "cli/formatter/text.hpp"

namespace gogrid::cli {
namespace {

// Exit code 5 is for what the coordinator does not have.
Error local_error(const Error& error) {
  return error.code == ErrorCode::not_found ? Error(ErrorCode::invalid_argument, error.detail) : error;
}

}  // namespace

OutputFile::~OutputFile() {
  if (!partial_.empty()) ::unlink(partial_.c_str());
}

Result<void> OutputFile::open(const std::filesystem::path& path) {
  constexpr mode_t usual_mode = 0666;  // less what umask takes
  if (path.empty() || path == "-") return {};
  path_ = path;
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  // A device or a pipe cannot be replaced.
  const bool in_place = std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
  std::filesystem::path target = path;
  if (!in_place) target += ".partial";
  auto descriptor = open_file(target, O_WRONLY | O_CREAT | O_TRUNC, usual_mode);
  if (!descriptor) return local_error(descriptor.error());
  if (!in_place) partial_ = target;
  descriptor_ = std::move(*descriptor);
  return {};
}

Result<void> OutputFile::write(std::string_view bytes) {
  if (descriptor_) return write_fully(descriptor_.get(), as_bytes(bytes));
  if (terminal_.output_is_terminal()) {
    show(bytes);
  } else {
    terminal_.out(bytes);
  }
  return {};
}

void OutputFile::show(std::string_view bytes) {
  pending_ += bytes;
  // The bytes at the end that may be the beginning of a UTF-8 character wait for its other ones.
  std::size_t complete = pending_.size();
  for (std::size_t back = 1; back <= 3 && back <= pending_.size(); ++back) {
    const auto byte = static_cast<unsigned char>(pending_[pending_.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;
    const std::size_t wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    if (wanted > back) complete = pending_.size() - back;
    break;
  }
  terminal_.out(printable(std::string_view(pending_).substr(0, complete), true));
  pending_.erase(0, complete);
}

Result<void> OutputFile::finish() {
  if (!pending_.empty()) terminal_.out(printable(pending_, true));
  pending_.clear();
  if (partial_.empty()) return {};
  descriptor_.reset();
  std::error_code failure;
  std::filesystem::rename(partial_, path_, failure);
  if (failure) return system_error(path_.string(), failure.value());
  partial_.clear();
  return {};
}

}  // namespace gogrid::cli
