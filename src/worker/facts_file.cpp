#include "worker/facts_file.hpp"

#include <algorithm>

namespace gogrid::worker {

std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  auto entry = std::filesystem::directory_iterator(directory, error);
  while (!error && entry != std::filesystem::directory_iterator() && names.size() < max_directory_entries) {
    names.push_back(entry->path().filename().string());
    entry.increment(error);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace gogrid::worker
