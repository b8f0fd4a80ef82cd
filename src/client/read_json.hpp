// Reads servers' JSON into client/types.hpp: bounded in depth, and a field that is missing or of another type is its
// default. Internal to client/. Any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "client/types.hpp"

namespace gogrid::client {

// A JSON object; anything else is `protocol`. Nested deeper than 64 levels is refused, as printing it would recurse as
// deep.
Result<nlohmann::json> parse_object(std::string_view text);

// `object[key]`, or null when there is no such member or `object` is no object.
const nlohmann::json& member(const nlohmann::json& object, const char* key);
// Text; "" for everything else. A number or true/false is shown as text.
std::string text_of(const nlohmann::json& value);
// From 0 to 2^53 - 1; what is beyond is the nearest of these, what is no number 0.
std::int64_t integer_of(const nlohmann::json& value);
bool flag_of(const nlohmann::json& value);
std::optional<double> number_of(const nlohmann::json& value);
std::optional<UnixSeconds> time_of(const nlohmann::json& value);

void read(const nlohmann::json& json, LocalStatus& out);
void read(const nlohmann::json& json, GridStatus& out);
void read(const nlohmann::json& json, Worker& out);
void read(const nlohmann::json& json, Model& out);
void read(const nlohmann::json& json, Alias& out);
void read(const nlohmann::json& json, ModelFetch& out);
void read(const nlohmann::json& json, ServedModel& out);
void read(const nlohmann::json& json, JoinToken& out);
void read(const nlohmann::json& json, ApiKey& out);
void read(const nlohmann::json& json, Engine& out);
void read(const nlohmann::json& json, PendingUpload& out);

// {"data": [...]}
template <class T>
void read(const nlohmann::json& json, std::vector<T>& out) {
  const nlohmann::json& data = member(json, "data");
  if (!data.is_array()) return;
  for (const nlohmann::json& element : data)
    read(element, out.emplace_back());
}

template <class T>
Result<Answer<T>> read_answer(std::string text) {
  auto json = parse_object(text);
  if (!json) return json.error();
  Answer<T> answer;
  read(*json, answer.value);
  answer.json = std::move(text);
  return answer;
}

// What an error answer says, in OpenAI's form: {"error":{"message","type","code","param"}}.
struct ApiError {
  std::string message;
  std::string code;
  std::string param;
};
// Also of text that is not of that form: then the first 200 characters of a plain text, or "".
ApiError read_error(std::string_view body);
// The Error for a status outside 200–299.
Error error_from_status(int status, std::string_view body);

}  // namespace gogrid::client
