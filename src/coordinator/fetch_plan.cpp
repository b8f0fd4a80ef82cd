#include "coordinator/fetch_plan.hpp"

#include <nlohmann/json.hpp>

#include "coordinator/api/model_fields.hpp"

namespace gogrid::coordinator {
using nlohmann::json;

std::string to_json_text(const FetchPlan& plan) {
  json out = json::parse(to_json_text(plan.spec.settings));
  out["url"] = plan.url;
  out["sha256"] = plan.sha256;
  out["name"] = plan.spec.name;
  out["files"] = json::array();
  for (const auto& file : plan.spec.files)
    out["files"].push_back({{"sha256", file.sha256}, {"scale", file.scale_permille / 1000.0}});
  out["fetched_files"] = plan.fetched_files;
  out["etag"] = plan.etag;
  out["actor"] = plan.actor;
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<FetchPlan> fetch_plan_from_json(std::string_view text) {
  const auto fields = JsonFields::parse(text, {});
  if (!fields) return Error(ErrorCode::invalid_argument, fields.error().message);
  auto settings = read_model_settings(*fields, "kind");
  if (!settings) return Error(ErrorCode::invalid_argument, settings.error().message);
  auto files = read_model_files(*fields, "files");
  if (!files) return Error(ErrorCode::invalid_argument, files.error().message);
  constexpr std::size_t max_text_bytes = 16 * 1024;
  const auto text_of = [&](const char* name) {
    auto value = fields->text(name, max_text_bytes);
    return value && *value ? **value : std::string();
  };
  FetchPlan plan;
  plan.url = text_of("url");
  plan.sha256 = text_of("sha256");
  plan.spec.name = text_of("name");
  plan.spec.files = std::move(*files);
  plan.spec.settings = std::move(*settings);
  const auto fetched = fields->integer("fetched_files", 0, max_model_files);
  if (fetched && *fetched) plan.fetched_files = static_cast<std::size_t>(**fetched);
  plan.etag = text_of("etag");
  plan.actor = text_of("actor");
  if (plan.url.empty() || plan.spec.name.empty()) return Error(ErrorCode::invalid_argument, "it has no URL or no name");
  return plan;
}

}  // namespace gogrid::coordinator
