// What an uploaded file says of itself becomes the library's record of it. Blocking, any thread.
#pragma once

#include <filesystem>
#include <span>

#include "base/clock.hpp"
#include "domain/gguf.hpp"
#include "store/records.hpp"

namespace gogrid::coordinator {

// The header of a GGUF file on disk; errors as parse_gguf.
Result<domain::GgufHeader> read_gguf_header(const std::filesystem::path& path);

// A new record of a model with that header, and what is not set by its administrator as the header says.
store::ModelRecord describe_model(std::string name, const domain::GgufHeader& header, SystemTime now);
// Only what the header says.
void describe_weights(store::ModelRecord& record, const domain::GgufHeader& header);

// invalid_argument when the beginning of a file shows that it is not what the upload says, and why; true when there is
// nothing more to learn from further bytes.
Result<bool> check_beginning(const store::UploadRecord& upload, std::span<const std::byte> beginning);

}  // namespace gogrid::coordinator
