#include "wire/bounded_json.hpp"

namespace gogrid::wire {

using nlohmann::json;

std::optional<json> read_bounded_json(std::string_view text, int max_depth) {
  bool too_deep = false;
  const auto watch_depth = [&too_deep, max_depth](int depth, json::parse_event_t event, json&) {
    const bool opens = event == json::parse_event_t::array_start || event == json::parse_event_t::object_start;
    too_deep = too_deep || (opens && depth >= max_depth);
    return !too_deep;
  };
  json value = json::parse(text, watch_depth, false);
  if (too_deep || value.is_discarded()) return std::nullopt;
  return value;
}

}  // namespace gogrid::wire
