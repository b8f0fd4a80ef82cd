#include "ask_worker.hpp"

namespace gogrid::worker_app {
using nlohmann::json;

std::optional<Result<json>> ask_worker(const GlobalOptions& global, std::string method, const json& params) {
  if (state_path(global).empty()) return std::nullopt;
  const std::string text = params.dump(-1, ' ', false, json::error_handler_t::replace);
  const Talk<std::string> talk = [&](client::LocalControl& control) { return control.call(method, text); };
  const Result<std::string> answer = talk_to_worker(global, talk);
  if (!answer && answer.error().code == ErrorCode::unavailable) return std::nullopt;
  if (!answer) return Result<json>(answer.error());
  return Result<json>(json::parse(*answer, nullptr, false));
}

}  // namespace gogrid::worker_app
