// Names with values as they stand in one column: the text of a JSON object of strings. Pure functions, any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace gogrid::store {

std::string to_json_text(const std::map<std::string, std::string>& labels);
// What is no such object has no labels.
std::map<std::string, std::string> labels_from_json(std::string_view text);

}  // namespace gogrid::store
