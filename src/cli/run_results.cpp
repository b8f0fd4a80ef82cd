#include "cli/run_results.hpp"

#include <spdlog/fmt/fmt.h>

#include "base/utf8.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/text.hpp"
#include "client/answer_text.hpp"

namespace gogrid::cli {
namespace {

using nlohmann::ordered_json;

ordered_json error_object(const char* code, const std::string& message) {
  return ordered_json{{"code", code}, {"message", message}};
}

const ordered_json& member(const ordered_json& object, const char* name) {
  static const ordered_json null;
  if (!object.is_object()) return null;
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}

bool is_success(const ordered_json& result) {
  const ordered_json& status = member(member(result, "response"), "status_code");
  if (!member(result, "error").is_null() || !status.is_number_integer()) return false;
  const auto code = status.get<std::int64_t>();
  return code >= 200 && code <= 299;
}

// In words, from wherever the result says it: its own error, or the error in the engine's answer.
std::string failure_text(const ordered_json& result) {
  for (const ordered_json* error :
       {&member(result, "error"), &member(member(member(result, "response"), "body"), "error")}) {
    const ordered_json& message = member(*error, "message");
    if (message.is_string()) return message.get<std::string>();
  }
  return "failed";
}

}  // namespace

struct RunResults::Outcome {
  bool succeeded = false;
  // With "custom_id", and "response", "error" or both.
  ordered_json result;
};

Result<void> RunResults::take(std::string_view line) {
  const auto result = parse_bounded(line);
  if (!result) return {};
  const ordered_json& id = member(*result, "custom_id");
  if (!id.is_string()) return {};
  Place place;
  place.offset = spool_.size_bytes();
  place.size_bytes = line.size();
  places_[id.get<std::string>()] = place;
  return spool_.append(line);
}

Result<RunResults::Outcome> RunResults::outcome_of(const RunLine& line) const {
  Outcome outcome;
  outcome.result["custom_id"] = line.custom_id.empty() ? fmt::format("line-{}", line.number) : line.custom_id;
  if (!line.problem.empty()) {
    outcome.result["error"] = error_object("bad_line", fmt::format("line {}: {}", line.number, line.problem));
    return outcome;
  }
  const auto place = places_.find(line.custom_id);
  if (place == places_.end()) {
    outcome.result["error"] = error_object("no_result", "the batch ended without a result for this line");
    return outcome;
  }
  const auto text = spool_.read(place->second.offset, place->second.size_bytes);
  if (!text) return text.error();
  const auto result = parse_bounded(*text);
  if (!result) return result.error();
  outcome.succeeded = is_success(*result);
  for (const char* name : {"response", "error"}) {
    if (const ordered_json& value = member(*result, name); !value.is_null()) outcome.result[name] = value;
  }
  if (!outcome.succeeded && !outcome.result.contains("error"))
    outcome.result["error"] = error_object("request_failed", failure_text(*result));
  return outcome;
}

Result<std::size_t> RunResults::write(const std::vector<RunLine>& lines, Form form, OutputFile& output) const {
  std::size_t failures = 0;
  for (const RunLine& line : lines) {
    const auto outcome = outcome_of(line);
    if (!outcome) return outcome.error();
    if (!outcome->succeeded) ++failures;
    std::string text;
    if (form == Form::json_lines) {
      text = compact_json(outcome->result);
    } else if (outcome->succeeded) {
      const std::string body = compact_json(member(member(outcome->result, "response"), "body"));
      text = client::answer_text(body).value_or(body);
    } else {
      const std::string problem = line.problem.empty() ? failure_text(outcome->result) : line.problem;
      terminal_.error(printable(fmt::format("line {}: {}", line.number, problem)) + "\n");
      continue;
    }
    if (const auto written = output.write(text + "\n"); !written) return written.error();
  }
  return failures;
}

}  // namespace gogrid::cli
