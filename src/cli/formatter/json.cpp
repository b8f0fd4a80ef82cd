#include "cli/formatter/json.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "base/utf8.hpp"

namespace gogrid::cli {
namespace {

using nlohmann::ordered_json;

// JSON needs C0 escaped and leaves C1, DEL and overrides of direction alone, which terminals act on. Within JSON's
// strings, which is the only place they can be, \uXXXX is the same text.
std::string escape_steering(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const CodePoint point = decode_utf8(json);
    const std::size_t bytes = std::max<std::size_t>(point.bytes, 1);
    const bool steers = point.value >= 0x7f && is_steering(point.value);
    out += steers ? fmt::format("\\u{:04x}", static_cast<unsigned>(point.value)) : std::string(json.substr(0, bytes));
    json.remove_prefix(bytes);
  }
  return out;
}

std::string dump(const ordered_json& value) {
  return escape_steering(value.dump(2, ' ', false, ordered_json::error_handler_t::replace)) + "\n";
}

}  // namespace

std::string pretty_json(std::string_view text) {
  const ordered_json value = ordered_json::parse(text, nullptr, false);
  return value.is_discarded() ? std::string(text) : dump(value);
}

std::string compact_json(const ordered_json& value) {
  return escape_steering(value.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

Result<ordered_json> parse_bounded(std::string_view text) {
  constexpr int max_depth = 256;
  bool too_deep = false;
  const auto watch_depth = [&too_deep](int depth, ordered_json::parse_event_t, ordered_json&) {
    too_deep = too_deep || depth > max_depth;
    return !too_deep;
  };
  ordered_json parsed = ordered_json::parse(text, watch_depth, false);
  if (too_deep) return Error(ErrorCode::invalid_argument, fmt::format("is nested deeper than {} levels", max_depth));
  if (parsed.is_discarded()) return Error(ErrorCode::invalid_argument, "is not JSON");
  return parsed;
}

std::string json_object(std::string_view name, std::string_view value) {
  return dump(ordered_json{{std::string(name), std::string(value)}});
}

}  // namespace gogrid::cli
