// What an answer took, read from the answer itself as an engine gives it: in the forms of OpenAI's and Anthropic's
// APIs, or llama.cpp's timings. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/request.hpp"

namespace gogrid::wire {

// Of a whole answer; nullopt when it does not say.
std::optional<domain::Usage> read_usage(std::string_view body);

// Of an answer that passes by in pieces: a stream of events, or JSON that is too long to be held.
class StreamUsage {
 public:
  // The next bytes. Whole events are looked at where they are; of half a line a few KiB are kept.
  void feed(std::string_view bytes);
  // By what has come. An answer that has not said it (it was cut off, for example) is taken to have one token for each
  // event with content and no prompt; nullopt when nothing of it came.
  std::optional<domain::Usage> usage() const;

  // Numbers as they were found; those of a later event replace those of an earlier one.
  struct Counts {
    std::optional<std::uint64_t> prompt_tokens;
    std::optional<std::uint64_t> completion_tokens;
  };

 private:
  void take_line(std::string_view line);
  void hold(std::string_view bytes);

  // The line whose end has not come: all of it, or its beginning, a NUL, and its last bytes.
  std::string held_;
  Counts said_;
  Counts timed_;
  std::uint64_t events_ = 0;
};

}  // namespace gogrid::wire
