// PromptReader: learns from the events of a document how its prompt begins, as hashes of ever longer beginnings, and
// about how many tokens it has. Owned by the reader of a request, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "domain/request.hpp"

namespace gogrid::wire {

inline constexpr std::size_t max_prefixes = 64;

// What a field of a request is to its prompt.
enum class PromptPart {
  none,
  instructions,  // stands before the turns, wherever the document has it
  tools,         // so do these
  turns,         // messages: a hash after each; or a text
  text,          // a hash after each KiB
  counted,       // its tokens count, but no engine keeps anything of it for the next request
};

class PromptReader {
 public:
  // The value of a field at the top of the document begins; what stands in it follows. Of a field that is repeated the
  // last value counts.
  void begin(PromptPart part);
  void key(std::string_view name) {
    if (part_ != PromptPart::none) take_key(name);
  }
  void text(std::string_view value) {
    if (part_ != PromptPart::none) take_text(value);
  }
  // Any other value without parts.
  void scalar(std::uint64_t bits) {
    if (part_ != PromptPart::none) take_scalar(bits);
  }
  void open(bool array) {
    if (part_ != PromptPart::none) take_open(array);
  }
  void close() {
    if (part_ != PromptPart::none) take_close();
  }

  // After the end. The longest is the last; of very many the first ones and the last ones. Two prompts that begin with
  // the same instructions, tools and turns have the same hashes of that, in this process: others have other hashes, so
  // that nobody can aim at them.
  std::vector<domain::PrefixHash> take_prefixes();
  std::uint32_t tokens() const;

 private:
  void take_key(std::string_view name);
  void take_text(std::string_view value);
  void take_scalar(std::uint64_t bits);
  void take_open(bool array);
  void take_close();
  void take_blocks(std::string_view bytes);
  // A value is complete.
  void value_ended();
  void absorb(std::uint64_t tag, std::uint64_t value);
  // Whether this value is left out of the hashes.
  bool skipped() const { return skip_next_ || skip_below_ != 0; }

  PromptPart part_ = PromptPart::none;
  // Inside the field's value.
  std::size_t depth_ = 0;
  // Of what is being read.
  std::uint64_t state_ = 0;
  // Of the block that is being read.
  std::size_t block_bytes_ = 0;
  bool skip_next_ = false;
  // The depth at which what is left out ends.
  std::size_t skip_below_ = 0;
  // The value of this key is no text.
  bool uncounted_ = false;
  std::uint64_t text_bytes_ = 0;
  // Of instructions and tools; 0: not given.
  std::array<std::uint64_t, 2> head_{};
  std::vector<std::uint64_t> body_;
};

}  // namespace gogrid::wire
