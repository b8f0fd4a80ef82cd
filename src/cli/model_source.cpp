#include "cli/model_source.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <regex>

namespace gogrid::cli {
namespace fs = std::filesystem;
namespace {

// As llama-gguf-split names the parts of a model.
struct PartName {
  std::string stem;
  int number = 0;
  int count = 0;
};

std::optional<PartName> part_name(const std::string& name) {
  static const std::regex pattern(R"((.+)-([0-9]{5})-of-([0-9]{5})\.gguf)");
  std::smatch found;
  if (name.size() > 1024 || !std::regex_match(name, found, pattern)) return std::nullopt;
  PartName part;
  part.stem = found[1];
  part.number = std::stoi(found[2]);
  part.count = std::stoi(found[3]);
  return part;
}

Error bad(std::string what) { return Error(ErrorCode::invalid_argument, std::move(what)); }

Result<std::vector<fs::path>> all_parts(const fs::path& directory, const PartName& part) {
  constexpr int max_parts = 1024;
  if (part.count < 1 || part.count > max_parts)
    return bad("a split model has from 1 to " + std::to_string(max_parts) + " parts");
  std::vector<fs::path> paths;
  for (int number = 1; number <= part.count; ++number) {
    char name[32];
    std::snprintf(name, sizeof name, "-%05d-of-%05d.gguf", number, part.count);
    fs::path path = directory / (part.stem + name);
    std::error_code error;
    if (!fs::exists(path, error))
      return bad("part " + std::to_string(number) + " of " + std::to_string(part.count) + " is missing: there is no " +
                 path.string());
    paths.push_back(std::move(path));
  }
  return paths;
}

}  // namespace

bool is_url(std::string_view source) { return source.starts_with("https://") || source.starts_with("http://"); }

std::string name_of_source(const std::string& source) {
  std::string text = source;
  if (is_url(text)) text.resize(std::min(text.find_first_of("?#"), text.size()));
  while (text.size() > 1 && text.ends_with('/'))
    text.pop_back();
  const std::string name = text.substr(text.rfind('/') + 1);
  if (const auto part = part_name(name)) return part->stem;
  return fs::path(name).stem().string();
}

Result<std::vector<fs::path>> model_files(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    const auto part = part_name(path.filename().string());
    if (part && part->count > 1) return all_parts(path.parent_path(), *part);
    return std::vector<fs::path>{path};
  }
  std::map<std::string, PartName> split;
  std::vector<fs::path> single;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".gguf")) continue;
    const auto part = part_name(name);
    if (part && part->count > 1)
      split.emplace(part->stem + "/" + std::to_string(part->count), *part);
    else
      single.push_back(entry.path());
  }
  if (error) return bad(path.string() + ": " + error.message());
  if (split.size() == 1) return all_parts(path, split.begin()->second);
  if (split.empty() && single.size() == 1) return single;
  if (split.empty() && single.empty()) return bad(path.string() + " is not a file, and holds no .gguf file");
  return bad(path.string() + " holds more than one model: name one of its files");
}

Result<AdapterSource> adapter_source(const std::string& text) {
  AdapterSource source;
  source.path = text;
  std::error_code error;
  const auto colon = text.rfind(':');
  if (fs::exists(source.path, error) || colon == std::string::npos) return source;
  double scale = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, wrong] = std::from_chars(text.data() + colon + 1, end, scale);
  if (wrong != std::errc() || stopped != end || !(scale >= 0 && scale <= 1000))
    return bad("--lora must be FILE or FILE:SCALE with a number from 0 to 1000, as in style.gguf:0.5");
  source.path = text.substr(0, colon);
  source.scale = scale;
  return source;
}

Result<ModelPart> open_part(const fs::path& path) {
  ModelPart part;
  part.path = path;
  auto file = open_to_add(path);
  if (!file) return file.error();
  part.file = std::move(*file);
  auto header = read_model_header(part.file, path);
  if (!header) return header.error();
  part.header = std::move(*header);
  return part;
}

Result<void> check_parts(const std::vector<ModelPart>& weights, const std::vector<ModelPart>& companions) {
  std::vector<domain::GgufHeader> headers;
  headers.reserve(weights.size());
  for (const ModelPart& part : weights)
    headers.push_back(part.header);
  const auto model = domain::join_weights(headers);
  if (!model) return bad(weights.front().path.string() + ": " + model.error().detail);
  for (const ModelPart& part : companions) {
    const auto fits = domain::check_companion(*model, part.header);
    if (!fits) return bad(part.path.string() + ": " + fits.error().detail);
  }
  return {};
}

}  // namespace gogrid::cli
