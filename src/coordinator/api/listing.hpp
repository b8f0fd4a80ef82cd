// What lists of files and batches have in common: whose they are, where a page begins, how it is written down, as
// OpenAI's lists are. Pure functions, io thread.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "coordinator/api/error_response.hpp"
#include "coordinator/api/job_fields.hpp"
#include "coordinator/api/router.hpp"

namespace gogrid::coordinator {

// A key sees what is its own; one with the scope admin sees all.
bool may_see(const ApiRequest& request, const std::string& key_id);

// Whose things are asked for by "key": a key's id, or empty for everybody's ("all"). Without it, the caller's own.
ApiResult<std::string> listed_key(const ApiRequest& request);

// "after": the page begins behind that one.
template <class OrderedId>
ApiResult<OrderedId> read_after(const net::RequestHead& head) {
  const auto text = head.query("after");
  if (!text) return OrderedId();
  const auto id = OrderedId::parse(*text);
  if (!id) return ErrorResponse(400, "\"after\" is not an id of this list", "invalid_value", "after");
  return *id;
}

// `found`: one more than `limit` when there are more.
std::string page_text(std::vector<nlohmann::ordered_json> found, std::size_t limit);

nlohmann::ordered_json time_or_null(const std::optional<SystemTime>& time);
// What is not UTF-8 is replaced.
std::string text_of(const nlohmann::ordered_json& value);

}  // namespace gogrid::coordinator
