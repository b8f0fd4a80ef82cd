#include "cli/run_input.hpp"

#include <spdlog/fmt/fmt.h>

#include "cli/endpoints.hpp"
#include "cli/formatter/json.hpp"

namespace gogrid::cli {
namespace {

using nlohmann::ordered_json;
using wire::InferenceEndpoint;

constexpr std::size_t max_custom_id_bytes = 512;

// A line taken apart: what it asks, and under which name.
struct Parts {
  std::string custom_id;
  ordered_json body;
};

Error bad(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

ordered_json messages_of(const std::string& prompt) {
  return ordered_json::array({ordered_json{{"role", "user"}, {"content", prompt}}});
}

// Puts the prompt where the endpoint has it.
Result<void> add_prompt(InferenceEndpoint endpoint, const std::string& prompt, ordered_json& body) {
  switch (endpoint) {
    case InferenceEndpoint::chat_completions:
    case InferenceEndpoint::messages:
      body["messages"] = messages_of(prompt);
      return {};
    case InferenceEndpoint::completions:
      body["prompt"] = prompt;
      return {};
    case InferenceEndpoint::embeddings:
    case InferenceEndpoint::responses:
      body["input"] = prompt;
      return {};
    case InferenceEndpoint::rerank:
    case InferenceEndpoint::count_tokens:
      break;
  }
  return bad("a prompt alone is no request for " + std::string(wire::path_of(endpoint)));
}

bool is_batch_line(const ordered_json& line) {
  return line.contains("body") && (line.contains("url") || line.contains("custom_id") || line.contains("method"));
}

std::string text_at(const ordered_json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<Parts> read_batch_line(ordered_json line, const std::string& endpoint) {
  Parts parts;
  parts.custom_id = text_at(line, "custom_id");
  if (parts.custom_id.empty() || parts.custom_id.size() > max_custom_id_bytes)
    return bad(fmt::format("\"custom_id\" must be a text of 1 to {} bytes", max_custom_id_bytes));
  if (line.contains("method") && text_at(line, "method") != "POST") return bad("\"method\" must be \"POST\"");
  if (line.contains("url") && text_at(line, "url") != endpoint)
    return bad(fmt::format("\"url\" must be \"{}\", as all of a batch is for one endpoint", endpoint));
  parts.body = std::move(line["body"]);
  if (!parts.body.is_object()) return bad("\"body\" must be an object");
  return parts;
}

Result<Parts> read_parts(ordered_json line, const std::string& path, InferenceEndpoint endpoint) {
  Parts parts;
  if (line.is_string()) {
    parts.body = ordered_json::object();
    if (const auto added = add_prompt(endpoint, line.get<std::string>(), parts.body); !added) return added.error();
    return parts;
  }
  if (!line.is_object()) return bad("is neither an object nor a text");
  if (is_batch_line(line)) return read_batch_line(std::move(line), path);
  const bool is_prompt = line.contains("prompt") && endpoint != InferenceEndpoint::completions;
  parts.body = std::move(line);
  if (!is_prompt) return parts;
  if (!parts.body["prompt"].is_string()) return bad("\"prompt\" must be a text");
  const std::string prompt = parts.body["prompt"].get<std::string>();
  parts.body.erase("prompt");
  if (const auto added = add_prompt(endpoint, prompt, parts.body); !added) return added.error();
  return parts;
}

// What the coordinator would refuse after all was uploaded.
Result<std::string> check_body(InferenceEndpoint endpoint, ordered_json body, const std::string& model) {
  if (!body.contains("model")) {
    if (model.empty()) return bad("names no model; give one with -m");
    body["model"] = model;
  }
  std::string text = compact_json(body);
  const auto request = wire::read_inference_request(endpoint, text);
  if (const auto* problem = std::get_if<wire::RequestProblem>(&request)) return bad(problem->message);
  if (std::get<wire::InferenceRequest>(request).stream) return bad("\"stream\" has no place in a batch");
  return text;
}

}  // namespace

RunInput::RunInput(std::string model, std::string endpoint)
    : model_(std::move(model)), endpoint_(std::move(endpoint)) {}

const std::string& RunInput::endpoint() const { return endpoint_; }

Result<void> RunInput::take(std::string_view line) {
  ++number_;
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return {};
  auto parsed = parse_bounded(line);
  if (endpoint_.empty()) {
    const std::string url = parsed && parsed->is_object() && is_batch_line(*parsed) ? text_at(*parsed, "url") : "";
    endpoint_ = endpoint_of(url) ? url : std::string(default_endpoint);
  }
  const InferenceEndpoint endpoint = endpoint_of(endpoint_).value_or(InferenceEndpoint::chat_completions);
  RunLine& entry = lines_.emplace_back();
  entry.number = number_;
  const auto refuse = [&](std::string problem) -> Result<void> {
    ++bad_lines_;
    entry.problem = std::move(problem);
    return {};
  };
  if (!parsed) return refuse(parsed.error().detail);
  auto parts = read_parts(std::move(*parsed), endpoint_, endpoint);
  if (!parts) return refuse(parts.error().detail);
  entry.custom_id = parts->custom_id.empty() ? fmt::format("line-{}", number_) : parts->custom_id;
  auto body = check_body(endpoint, std::move(parts->body), model_);
  if (!body) return refuse(body.error().detail);
  if (const auto [seen, is_new] = seen_.emplace(entry.custom_id, number_); !is_new)
    return refuse(fmt::format("\"custom_id\" {} is that of line {} already", entry.custom_id, seen->second));
  const std::string id = compact_json(ordered_json(entry.custom_id));
  return spool_.append(
      fmt::format("{{\"custom_id\":{},\"method\":\"POST\",\"url\":\"{}\",\"body\":{}}}\n", id, endpoint_, *body));
}

}  // namespace gogrid::cli
