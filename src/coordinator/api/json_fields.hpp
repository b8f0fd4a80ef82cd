// Reads the JSON objects that the administrative API takes: fields by name and type, with errors that name the field.
// Unknown fields are refused, so that a misspelt limit is not silently no limit. Used on the io thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/api/error_response.hpp"

namespace gogrid::coordinator {

class JsonFields {
 public:
  // invalid_json, or the first field that is not one of `known`; an empty list knows all.
  static ApiResult<JsonFields> parse(std::string_view text, const std::vector<std::string_view>& known);

  // As it is; null when it is missing or null.
  const nlohmann::json* value(const char* name) const { return find(name); }
  // A field that is missing or null is nullopt; in required_text() an error.
  ApiResult<std::optional<std::string>> text(const char* name, std::size_t max_bytes) const;
  ApiResult<std::string> required_text(const char* name, std::size_t max_bytes) const;
  ApiResult<std::optional<std::int64_t>> integer(const char* name, std::int64_t least, std::int64_t most) const;
  ApiResult<std::optional<double>> number(const char* name, double least, double most) const;
  ApiResult<std::optional<std::vector<std::string>>> texts(const char* name, std::size_t max_count) const;
  // An object of strings, as text without white space.
  ApiResult<std::optional<std::string>> text_map(const char* name, std::size_t max_count, std::size_t max_name_bytes,
                                                 std::size_t max_value_bytes) const;

 private:
  explicit JsonFields(nlohmann::json object);
  const nlohmann::json* find(const char* name) const;

  std::shared_ptr<const nlohmann::json> object_;
};

// Reads the request's body and parses it; an empty body is an empty object.
boost::asio::awaitable<ApiResult<JsonFields>> read_fields(net::HttpExchange& exchange,
                                                          std::vector<std::string_view> known,
                                                          std::size_t max_body_bytes = 64 * 1024);

// The whole number in a query parameter; nullopt when it is not there.
ApiResult<std::optional<std::int64_t>> query_integer(const net::RequestHead& head, const char* name, std::int64_t least,
                                                     std::int64_t most);

// The text of a JSON value for a response; what is not UTF-8 is replaced.
std::string to_text(const nlohmann::json& value);

// domain::is_name(): for models and engines. domain::to_label(): for keys and tokens; what is given back is trimmed.
ApiResult<std::string> check_name(std::string name, const char* field);
ApiResult<std::string> check_label(const std::string& label, const char* field);

}  // namespace gogrid::coordinator
