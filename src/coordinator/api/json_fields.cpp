#include "coordinator/api/json_fields.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/number.hpp"
#include "domain/name.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

ErrorResponse wrong_type(const char* name, const std::string& expected) {
  return ErrorResponse(400, "\"" + std::string(name) + "\" must be " + expected, "invalid_type", name);
}

}  // namespace

JsonFields::JsonFields(json object) : object_(std::make_shared<const json>(std::move(object))) {}

ApiResult<JsonFields> JsonFields::parse(std::string_view text, const std::vector<std::string_view>& known) {
  json parsed = json::parse(text, nullptr, false);
  if (parsed.is_discarded()) return ErrorResponse(400, "the request's body is not JSON", "invalid_json");
  if (!parsed.is_object()) return ErrorResponse(400, "the request's body must be a JSON object", "invalid_type");
  for (const auto& [name, value] : parsed.items()) {
    if (known.empty()) break;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string list;
      for (const auto field : known)
        list += (list.empty() ? "" : ", ") + std::string(field);
      return ErrorResponse(400, "there is no field \"" + name + "\" here, only " + list, "unknown_field", name);
    }
  }
  return JsonFields(std::move(parsed));
}

const json* JsonFields::find(const char* name) const {
  const auto found = object_->find(name);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

ApiResult<std::optional<std::string>> JsonFields::text(const char* name, std::size_t max_bytes) const {
  const json* value = find(name);
  if (!value) return std::optional<std::string>();
  if (!value->is_string()) return wrong_type(name, "a string");
  std::string text = value->get<std::string>();
  if (text.size() > max_bytes) return wrong_type(name, "at most " + std::to_string(max_bytes) + " bytes long");
  return std::optional<std::string>(std::move(text));
}

ApiResult<std::string> JsonFields::required_text(const char* name, std::size_t max_bytes) const {
  auto value = text(name, max_bytes);
  if (!value) return value.error();
  if (!*value || (*value)->empty())
    return ErrorResponse(400, "\"" + std::string(name) + "\" is missing", "missing_field", name);
  return std::move(**value);
}

ApiResult<std::optional<std::int64_t>> JsonFields::integer(const char* name, std::int64_t least,
                                                           std::int64_t most) const {
  const json* value = find(name);
  if (!value) return std::optional<std::int64_t>();
  const std::string expected = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  if (!value->is_number_integer()) return wrong_type(name, expected);
  const bool too_large =
      value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
  const auto number = too_large ? INT64_MAX : value->get<std::int64_t>();
  if (too_large || number < least || number > most) return wrong_type(name, expected);
  return std::optional<std::int64_t>(number);
}

ApiResult<std::optional<double>> JsonFields::number(const char* name, double least, double most) const {
  const json* value = find(name);
  if (!value) return std::optional<double>();
  const double number = value->is_number() ? value->get<double>() : least - 1;
  if (number < least || number > most)
    return wrong_type(name, "a number from " + json(least).dump() + " to " + json(most).dump());
  return std::optional<double>(number);
}

ApiResult<std::optional<std::vector<std::string>>> JsonFields::texts(const char* name, std::size_t max_count) const {
  const json* value = find(name);
  if (!value) return std::optional<std::vector<std::string>>();
  const auto is_text = [](const json& element) { return element.is_string(); };
  if (!value->is_array() || value->size() > max_count || !std::all_of(value->begin(), value->end(), is_text)) {
    return wrong_type(name, "an array of at most " + std::to_string(max_count) + " strings");
  }
  return std::optional<std::vector<std::string>>(value->get<std::vector<std::string>>());
}

ApiResult<std::optional<std::string>> JsonFields::text_map(const char* name, std::size_t max_count,
                                                           std::size_t max_name_bytes,
                                                           std::size_t max_value_bytes) const {
  const json* value = find(name);
  if (!value) return std::optional<std::string>();
  const auto wrong = [&] {
    return wrong_type(name, "an object of at most " + std::to_string(max_count) + " strings of at most " +
                                std::to_string(max_value_bytes) + " bytes, with names of at most " +
                                std::to_string(max_name_bytes));
  };
  if (!value->is_object() || value->size() > max_count) return wrong();
  for (const auto& [key, text] : value->items()) {
    if (key.size() > max_name_bytes || !text.is_string()) return wrong();
    if (text.get_ref<const std::string&>().size() > max_value_bytes) return wrong();
  }
  return std::optional<std::string>(to_text(*value));
}

asio::awaitable<ApiResult<JsonFields>> read_fields(net::HttpExchange& exchange, std::vector<std::string_view> known,
                                                   std::size_t max_body_bytes) {
  auto body = co_await exchange.read_body(max_body_bytes);
  if (!body) co_return ErrorResponse(body.error());
  co_return JsonFields::parse(body->empty() ? "{}" : std::string_view(*body), known);
}

ApiResult<std::optional<std::int64_t>> query_integer(const net::RequestHead& head, const char* name, std::int64_t least,
                                                     std::int64_t most) {
  const auto text = head.query(name);
  if (!text) return std::optional<std::int64_t>();
  const auto number = parse_number<std::int64_t>(*text);
  if (!number || *number < least || *number > most)
    return wrong_type(name, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return number;
}

std::string to_text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

ApiResult<std::string> check_name(std::string name, const char* field) {
  if (domain::is_name(name)) return name;
  return ErrorResponse(400, "\"" + std::string(field) + "\" must be " + std::string(domain::name_rule), "invalid_name",
                       field);
}

ApiResult<std::string> check_label(const std::string& label, const char* field) {
  auto good = domain::to_label(label);
  if (good) return std::move(*good);
  return ErrorResponse(400, "\"" + std::string(field) + "\" must be " + std::string(domain::label_rule), "invalid_name",
                       field);
}

}  // namespace gogrid::coordinator
