// What a fetch of a model is to become, and how far it is, as it is stored. Values and pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "coordinator/model_settings.hpp"

namespace gogrid::coordinator {

struct FetchPlan {
  std::string url;
  // Empty: not compared.
  std::string sha256;
  // `files`: those that were here before, then each that has been fetched.
  ModelSpec spec;
  std::size_t fetched_files = 0;
  // Of the file that is being fetched: what the server calls this version of it.
  std::string etag;
  // Who asked, for the audit log.
  std::string actor;
};

std::string to_json_text(const FetchPlan& plan);
Result<FetchPlan> fetch_plan_from_json(std::string_view text);

}  // namespace gogrid::coordinator
