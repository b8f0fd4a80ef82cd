// The inference endpoints that jobs and batches may be for, on the command line. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/openai_request.hpp"

namespace CLI {
class App;
}

namespace gogrid::cli {

inline constexpr std::string_view default_endpoint = "/v1/chat/completions";

// nullopt for a path that is none of them.
std::optional<wire::InferenceEndpoint> endpoint_of(std::string_view path);

// --endpoint, one of them.
void add_endpoint_option(CLI::App& app, std::string& target, const std::string& help);

}  // namespace gogrid::cli
