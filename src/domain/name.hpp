// What things may be called: one rule for what stands in requests and paths, one for what only people read. Pure
// functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gogrid::domain {

// Models and engine bundles. A name cannot be taken for a model's id.
bool is_name(std::string_view text);
inline constexpr std::string_view name_rule =
    "1 to 128 letters, digits and . _ : / @ + ~ -, beginning with a letter or digit, and not with mdl_";
// The name nearest to a file's: other characters become "-". Empty when nothing is left.
std::string to_name(std::string_view text);

// A host's name as a worker's: 64 letters, digits and . _ - at most, never empty, and not another worker's id. Other
// characters become "-".
std::string to_worker_name(std::string_view text);

// Keys and tokens: any readable text of 1 to 128 bytes, without the space at its ends; nullopt for what is not that.
std::optional<std::string> to_label(std::string_view text);
inline constexpr std::string_view label_rule = "1 to 128 bytes of text without control characters";

// A word that models are tagged with: 1 to 64 bytes of readable text without spaces and commas.
bool is_tag(std::string_view text);
inline constexpr std::string_view tag_rule = "1 to 64 bytes of text without spaces, commas and control characters";

// A part of a GPU's name, by which a model asks for it.
bool is_gpu_name(std::string_view text);
inline constexpr std::string_view gpu_name_rule =
    "1 to 64 bytes of text without commas and control characters, a part of a GPU's name";
inline constexpr std::size_t max_gpu_names = 16;

// The key or the value of a worker's label; a value may be empty.
bool is_label_key(std::string_view text);
bool is_label_value(std::string_view text);
inline constexpr std::string_view label_key_rule =
    "1 to 64 letters, digits and . _ / -, beginning with a letter or digit; a value may also be empty";
inline constexpr std::size_t max_worker_labels = 32;
inline constexpr std::size_t max_tags = 32;

}  // namespace gogrid::domain
