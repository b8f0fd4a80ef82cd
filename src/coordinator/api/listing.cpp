#include "coordinator/api/listing.hpp"

#include <utility>

namespace gogrid::coordinator {
using nlohmann::ordered_json;

bool may_see(const ApiRequest& request, const std::string& key_id) {
  return request.key->admin || request.key->id == key_id;
}

ApiResult<std::string> listed_key(const ApiRequest& request) {
  const std::string key = request.head().query("key").value_or(request.key->id);
  if (key != request.key->id && !request.key->admin) {
    return ErrorResponse(403, "only a key with the scope admin may list what is others'", "permission_denied", "key");
  }
  return key == "all" ? std::string() : key;
}

std::string page_text(std::vector<ordered_json> found, std::size_t limit) {
  const bool more = found.size() > limit;
  if (more) found.resize(limit);
  ordered_json answer{{"object", "list"}, {"data", ordered_json::array()}, {"has_more", more}};
  answer["first_id"] = found.empty() ? ordered_json() : found.front()["id"];
  answer["last_id"] = found.empty() ? ordered_json() : found.back()["id"];
  for (ordered_json& one : found)
    answer["data"].push_back(std::move(one));
  return text_of(answer);
}

ordered_json time_or_null(const std::optional<SystemTime>& time) {
  return time ? ordered_json(to_unix_seconds(*time)) : ordered_json();
}

std::string text_of(const ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace gogrid::coordinator
