// Reads what requests say of models: settings, files, labels, tags. Pure functions, io thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/api/error_response.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/model_settings.hpp"

namespace gogrid::coordinator {

// Larger than other requests' bodies: a chat template may be in it.
inline constexpr std::size_t max_model_body_bytes = 1024 * 1024;

// The fields that read_model_settings() knows, but for the kind's.
const std::vector<std::string_view>& model_setting_names();

// `kind_name`: "kind", or "model_kind" where "kind" says something else.
ApiResult<ModelSettings> read_model_settings(const JsonFields& fields, const char* kind_name);

// An array of {"sha256", "scale"}; a missing one is empty.
ApiResult<std::vector<domain::ModelFile>> read_model_files(const JsonFields& fields, const char* name);

// Labels as they are after the changes of an object of strings, where null removes one.
ApiResult<std::map<std::string, std::string>> change_labels(const JsonFields& fields, const char* name,
                                                            std::map<std::string, std::string> labels);

}  // namespace gogrid::coordinator
