#include "wire/batch_line.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "wire/json_members.hpp"

namespace gogrid::wire {
namespace {

RequestProblem problem(const char* field, std::string what, std::string code) {
  return {"\"" + std::string(field) + "\" " + std::move(what), std::move(code), field};
}

// What a member's text says; nullopt when it is no string, or longer than any that is looked for here.
std::optional<std::string> text_of(std::string_view value) {
  // Each byte may be written as "\u00XX".
  if (value.size() > 6 * max_custom_id_bytes + 2) return std::nullopt;
  const auto json = nlohmann::json::parse(value, nullptr, false);
  if (!json.is_string()) return std::nullopt;
  return json.get<std::string>();
}

struct Fields {
  std::string_view custom_id;
  std::string_view method;
  std::string_view url;
  std::string_view body;
};

std::optional<RequestProblem> check(const Fields& fields, std::string_view endpoint, const std::string& custom_id) {
  if (fields.custom_id.empty()) return problem("custom_id", "is missing", "missing_field");
  if (custom_id.empty()) {
    return problem("custom_id", "must be a string of 1 to " + std::to_string(max_custom_id_bytes) + " bytes",
                   "invalid_type");
  }
  if (fields.method.empty()) return problem("method", "is missing", "missing_field");
  if (text_of(fields.method) != "POST") return problem("method", "must be \"POST\"", "invalid_value");
  if (fields.url.empty()) return problem("url", "is missing", "missing_field");
  if (text_of(fields.url) != endpoint)
    return problem("url", "must be the batch's endpoint, \"" + std::string(endpoint) + "\"", "invalid_value");
  if (fields.body.empty()) return problem("body", "is missing", "missing_field");
  if (fields.body.front() != '{') return problem("body", "must be an object", "invalid_type");
  return std::nullopt;
}

}  // namespace

BatchLine read_batch_line(std::string_view endpoint, std::string_view line) {
  BatchLine read;
  const auto members = members_of(line);
  if (!members) {
    read.problem = RequestProblem{"the line is not a JSON object", "invalid_json", ""};
    return read;
  }
  // Of a repeated name the last one counts.
  Fields fields;
  for (const JsonMember& member : *members) {
    if (member.name == "custom_id") fields.custom_id = member.value;
    if (member.name == "method") fields.method = member.value;
    if (member.name == "url") fields.url = member.value;
    if (member.name == "body") fields.body = member.value;
  }
  auto custom_id = text_of(fields.custom_id);
  if (custom_id && custom_id->size() <= max_custom_id_bytes) read.custom_id = std::move(*custom_id);
  read.problem = check(fields, endpoint, read.custom_id);
  if (!read.problem) read.body = fields.body;
  return read;
}

}  // namespace gogrid::wire
