// Where a command's result goes: standard output, or a file that is there in full or not at all. One owner, one thread;
// writing blocks.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/result.hpp"
#include "cli/terminal.hpp"

namespace gogrid::cli {

class OutputFile {
 public:
  explicit OutputFile(Terminal& terminal) : terminal_(terminal) {}
  // Removes what is not whole.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // "" and "-" are standard output, where what could steer a terminal is made harmless. A regular file keeps its old
  // content until finish().
  Result<void> open(const std::filesystem::path& path);
  Result<void> write(std::string_view bytes);
  Result<void> finish();

 private:
  void show(std::string_view bytes);

  Terminal& terminal_;
  // A character that is not complete yet.
  std::string pending_;
  std::filesystem::path path_;
  // Empty: written straight to where it belongs.
  std::filesystem::path partial_;
  FileDescriptor descriptor_;
};

}  // namespace gogrid::cli
