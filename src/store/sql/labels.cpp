#include "store/sql/labels.hpp"

#include <nlohmann/json.hpp>

namespace gogrid::store {

std::string to_json_text(const std::map<std::string, std::string>& labels) {
  return nlohmann::json(labels).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::map<std::string, std::string> labels_from_json(std::string_view text) {
  std::map<std::string, std::string> labels;
  const auto parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_object()) return labels;
  for (const auto& [key, value] : parsed.items()) {
    if (value.is_string()) labels.emplace(key, value.get<std::string>());
  }
  return labels;
}

}  // namespace gogrid::store
