// The members of a JSON object as slices of its text: how a part of a document is passed on byte for byte, without a
// copy of the whole and however deep it is nested. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gogrid::wire {

struct JsonMember {
  std::string name;
  // Of the text that was given, without white space around it.
  std::string_view value;
};

// In order; a name may be repeated. nullopt when `text` is not a JSON object, or has more than max_json_members.
std::optional<std::vector<JsonMember>> members_of(std::string_view text);

inline constexpr std::size_t max_json_members = 256;

}  // namespace gogrid::wire
