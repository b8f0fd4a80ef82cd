// Adds a large file, a model or an engine bundle: hashes and uploads it, with progress. On the executor's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"
#include "cli/context.hpp"
#include "client/coordinator_client.hpp"
#include "domain/gguf.hpp"

namespace gogrid::cli {

// The name that was asked for, or the one nearest to the file's, checked before the file is read.
Result<std::string> name_to_add(Context& context, const std::string& asked_for, const std::string& of_file);

struct OpenedFile {
  FileDescriptor descriptor;
  std::uint64_t size_bytes = 0;
};
// A regular file that is not empty; the error says what else it is.
Result<OpenedFile> open_to_add(const std::filesystem::path& path);

// The header of a GGUF file that is whole by it. Nothing is sent for one that is not.
Result<domain::GgufHeader> read_model_header(const OpenedFile& file, const std::filesystem::path& path);
// That it is a zstd archive (RFC 8878 §3.1.1).
Result<void> check_engine(const OpenedFile& file, const std::filesystem::path& path);

// `request` without size and SHA-256. Returns the upload's id, which is the SHA-256.
boost::asio::awaitable<Result<std::string>> add_file(Context& context, client::CoordinatorClient& client,
                                                     const OpenedFile& file, client::UploadRequest request);

}  // namespace gogrid::cli
