// The files of a model as a replica's engine finds them: which there are, where they are shown to it, and how it is
// told of them. Pure but for link_files(); any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "worker/cache/blob_cache.hpp"

namespace gogrid::worker {

enum class FileRole { weights, projector, adapter, chat_template };

// A file that a replica needs.
struct FileSpec {
  FileRole role = FileRole::weights;
  BlobSpec blob;
  std::uint32_t scale_permille = 1000;

  friend bool operator==(const FileSpec&, const FileSpec&) = default;
};

// Files that are here.
class ModelFiles {
 public:
  ModelFiles() = default;
  // One of weights.
  ModelFiles(std::filesystem::path weights) { add(FileSpec(), std::move(weights)); }
  ModelFiles(const char* weights) : ModelFiles(std::filesystem::path(weights)) {}

  void add(const FileSpec& spec, std::filesystem::path path) { files_.push_back({spec, std::move(path)}); }

  // Where each is, and where it is shown in a sandbox.
  std::vector<std::pair<std::filesystem::path, std::string>> mounts() const;
  // llama-server's arguments for files that lie in `directory` under the names that mounts() gives them.
  std::vector<std::string> arguments(const std::string& directory) const;
  // The same without a sandbox: files lie where they are, or, where their names matter, under `links`.
  std::vector<std::string> host_arguments(const std::filesystem::path& links) const;
  // Makes those links.
  Result<void> link_files(const std::filesystem::path& links) const;

 private:
  struct File {
    FileSpec spec;
    std::filesystem::path path;
  };
  bool needs_links() const { return files_.size() > 1; }
  std::vector<std::string> names() const;

  std::vector<File> files_;
};

}  // namespace gogrid::worker
