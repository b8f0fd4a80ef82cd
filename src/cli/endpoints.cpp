#include "cli/endpoints.hpp"

#include <CLI/CLI.hpp>

#include <array>
#include <vector>

namespace gogrid::cli {
namespace {

using wire::InferenceEndpoint;

// Counting tokens is answered at once: nothing to queue.
constexpr std::array queued_endpoints{InferenceEndpoint::chat_completions, InferenceEndpoint::completions,
                                      InferenceEndpoint::embeddings,       InferenceEndpoint::rerank,
                                      InferenceEndpoint::responses,        InferenceEndpoint::messages};

}  // namespace

std::optional<InferenceEndpoint> endpoint_of(std::string_view path) {
  for (const InferenceEndpoint endpoint : queued_endpoints) {
    if (wire::path_of(endpoint) == path) return endpoint;
  }
  return std::nullopt;
}

void add_endpoint_option(CLI::App& app, std::string& target, const std::string& help) {
  std::vector<std::string> paths;
  std::string shown;
  for (const InferenceEndpoint endpoint : queued_endpoints) {
    paths.emplace_back(wire::path_of(endpoint));
    shown += (shown.empty() ? "" : "|") + paths.back();
  }
  app.add_option("--endpoint", target, help)->check(CLI::IsMember(paths).description(""))->type_name(shown);
}

}  // namespace gogrid::cli
