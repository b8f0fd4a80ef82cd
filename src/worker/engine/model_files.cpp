#include "worker/engine/model_files.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "worker/sandbox/bubblewrap_arguments.hpp"

namespace gogrid::worker {

// In the order of the files. The engine finds the other parts of a split model by the first one's name.
std::vector<std::string> ModelFiles::names() const {
  const auto parts =
      std::count_if(files_.begin(), files_.end(), [](const File& file) { return file.spec.role == FileRole::weights; });
  std::vector<std::string> names;
  int part = 0, adapter = 0;
  for (const File& file : files_) {
    switch (file.spec.role) {
      case FileRole::weights:
        names.push_back(parts == 1 ? "model.gguf" : fmt::format("model-{:05}-of-{:05}.gguf", ++part, parts));
        break;
      case FileRole::projector:
        names.emplace_back("projector.gguf");
        break;
      case FileRole::adapter:
        names.push_back(fmt::format("adapter-{}.gguf", ++adapter));
        break;
      case FileRole::chat_template:
        names.emplace_back("template.jinja");
        break;
    }
  }
  return names;
}

std::vector<std::pair<std::filesystem::path, std::string>> ModelFiles::mounts() const {
  std::vector<std::pair<std::filesystem::path, std::string>> mounts;
  const auto all = names();
  for (std::size_t i = 0; i < all.size(); ++i)
    mounts.emplace_back(files_[i].path, std::string(sandbox_model_dir) + "/" + all[i]);
  return mounts;
}

std::vector<std::string> ModelFiles::arguments(const std::string& directory) const {
  std::vector<std::string> arguments;
  const auto all = names();
  std::string adapters;
  bool has_weights = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string path = directory + "/" + all[i];
    switch (files_[i].spec.role) {
      case FileRole::weights:
        if (!std::exchange(has_weights, true)) arguments.insert(arguments.end(), {"--model", path});
        break;
      case FileRole::projector:
        arguments.insert(arguments.end(), {"--mmproj", path});
        break;
      case FileRole::adapter:
        adapters += fmt::format("{}{}:{:.3f}", adapters.empty() ? "" : ",", path,
                                static_cast<double>(files_[i].spec.scale_permille) / 1000.0);
        break;
      case FileRole::chat_template:
        arguments.insert(arguments.end(), {"--chat-template-file", path});
        break;
    }
  }
  if (!adapters.empty()) arguments.insert(arguments.end(), {"--lora-scaled", adapters});
  return arguments;
}

std::vector<std::string> ModelFiles::host_arguments(const std::filesystem::path& links) const {
  if (needs_links()) return arguments(links.string());
  if (files_.empty()) return {};
  return {"--model", files_.front().path.string()};
}

Result<void> ModelFiles::link_files(const std::filesystem::path& links) const {
  if (!needs_links()) return {};
  const auto all = names();
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::error_code error;
    std::filesystem::create_symlink(files_[i].path, links / all[i], error);
    if (error) return system_error("cannot link a model's file", error.value());
  }
  return {};
}

}  // namespace gogrid::worker
