// UTF-8 (RFC 3629) one character at a time, for text from elsewhere. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gogrid {

struct CodePoint {
  char32_t value = 0;
  // 0: the byte at the front is not part of valid UTF-8.
  std::size_t bytes = 0;
};

// The first character of `text`, which is not empty. Overlong forms and surrogates are not valid.
CodePoint decode_utf8(std::string_view text);

bool is_utf8(std::string_view text);

// At most `max_bytes` of `text`, cut between characters; what is not UTF-8 becomes U+FFFD. For texts from elsewhere
// that go into protobuf strings: one bad byte there makes the whole message unreadable.
std::string valid_utf8(std::string_view text, std::size_t max_bytes);

// Characters that can make a terminal do something or a line read other than it is: C0, DEL, C1, line and paragraph
// separators, overrides of direction.
bool is_steering(char32_t value);

// `text` without what could steer a terminal: characters that is_steering() knows become "?", wrong bytes U+FFFD. Tabs
// and line ends stay if `keep_lines`, otherwise they become spaces.
std::string printable(std::string_view text, bool keep_lines = false);

}  // namespace gogrid
