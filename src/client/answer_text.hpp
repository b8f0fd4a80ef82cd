// The words of a model's answer, out of what its engine sent. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gogrid::client {

// Of an answer of chat/completions, completions, responses and messages; nullopt of everything else: embeddings,
// scores, errors.
std::optional<std::string> answer_text(std::string_view body);

}  // namespace gogrid::client
