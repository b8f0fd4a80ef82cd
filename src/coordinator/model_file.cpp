#include "coordinator/model_file.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "base/file.hpp"

namespace gogrid::coordinator {
namespace {

// Large vocabularies make headers of 15 MB.
constexpr std::uint64_t max_header_bytes = 256 * 1024 * 1024;
// Longer contexts cost memory on every worker, so they are asked for.
constexpr std::uint32_t default_context_tokens = 8192;
constexpr std::uint32_t default_slots = 4;

}  // namespace

Result<domain::GgufHeader> read_gguf_header(const std::filesystem::path& path) {
  constexpr std::size_t first_bytes = 1024 * 1024;
  auto file = open_file(path, O_RDONLY);
  if (!file) return file.error();
  std::error_code error;
  const std::uint64_t file_bytes = std::filesystem::file_size(path, error);
  if (error) return system_error("cannot read " + path.string(), error.value());
  std::vector<std::byte> prefix;
  for (std::uint64_t wanted = first_bytes;; wanted *= 4) {
    const std::size_t had = prefix.size();
    prefix.resize(std::min(wanted, file_bytes));
    const auto count = read_fully(file->get(), std::span(prefix).subspan(had));
    if (!count) return count.error();
    prefix.resize(had + *count);
    auto header = domain::parse_gguf(prefix, file_bytes);
    if (!header) return header.error();
    if (*header) return std::move(**header);
    if (wanted >= max_header_bytes) return Error(ErrorCode::invalid_argument, "its header is larger than 256 MiB");
  }
}

store::ModelRecord describe_model(std::string name, const domain::GgufHeader& header, SystemTime now) {
  store::ModelRecord record;
  record.model.id = domain::ModelId(random_id("mdl"));
  record.model.name = std::move(name);
  record.model.kind = header.kind();
  record.model.context_tokens =
      header.context_length == 0 ? default_context_tokens : std::min(header.context_length, default_context_tokens);
  record.model.slots = default_slots;
  record.created_at = now;
  describe_weights(record, header);
  return record;
}

void describe_weights(store::ModelRecord& record, const domain::GgufHeader& header) {
  record.model.shape = header.shape;
  record.title = header.name;
  record.architecture = header.architecture;
  record.quantization = header.quantization;
  record.parameters = header.parameters;
  record.trained_context_tokens = header.context_length;
  record.has_chat_template = header.has_chat_template;
}

Result<bool> check_beginning(const store::UploadRecord& upload, std::span<const std::byte> beginning) {
  if (upload.kind != store::UploadKind::engine) {
    const auto header = domain::parse_gguf(beginning, upload.size_bytes);
    if (!header) return header.error();
    if (!*header) return false;
    if (upload.kind == store::UploadKind::model) {
      if (auto whole = domain::join_weights({**header}); !whole) return whole.error();
    }
    return true;
  }
  // RFC 8878 §3.1.1.
  constexpr std::string_view zstd_magic = "\x28\xb5\x2f\xfd";
  const std::string_view start = as_text(beginning).substr(0, zstd_magic.size());
  if (!zstd_magic.starts_with(start)) {
    return Error(ErrorCode::invalid_argument,
                 "this is no engine bundle: it is not compressed with zstd; make one with engine/build");
  }
  return start.size() == zstd_magic.size();
}

}  // namespace gogrid::coordinator
