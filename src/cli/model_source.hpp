// What `gogrid model add` was given: one GGUF file, the parts of a split one, or a URL. Blocking; one thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/add_file.hpp"
#include "domain/gguf.hpp"

namespace gogrid::cli {

bool is_url(std::string_view source);
// What a model from there is called when nothing else is said: the file's name without its ending and part's number.
std::string name_of_source(const std::string& source);

// The files of the model at that path: the one, all parts of which it is one, or those in the directory that it is.
Result<std::vector<std::filesystem::path>> model_files(const std::filesystem::path& path);

// "adapter.gguf:0.5": a path and, if what is after the last colon is a number and the whole is no file, the scale.
struct AdapterSource {
  std::filesystem::path path;
  std::optional<double> scale;
};
Result<AdapterSource> adapter_source(const std::string& text);

// A file that is to be uploaded, with its checked header.
struct ModelPart {
  std::filesystem::path path;
  OpenedFile file;
  domain::GgufHeader header;
  std::optional<double> scale;
};
Result<ModelPart> open_part(const std::filesystem::path& path);
// That the weights, in this order, are one model, and the rest goes with it. The error names the file.
Result<void> check_parts(const std::vector<ModelPart>& weights, const std::vector<ModelPart>& companions);

}  // namespace gogrid::cli
