// For tests: builds GGUF files, right and wrong ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gogrid::domain::test {

// Appends the pieces of a GGUF header.
class Bytes {
 public:
  template <class Number>
  Bytes& number(Number value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Bytes& u32(std::uint32_t value) { return number(value); }
  Bytes& u64(std::uint64_t value) { return number(value); }
  Bytes& raw(std::string_view text) {
    text_ += text;
    return *this;
  }
  Bytes& text(std::string_view value) { return u64(value.size()).raw(value); }
  Bytes& key_text(std::string_view key, std::string_view value) { return text(key).u32(8).text(value); }
  Bytes& key_u32(std::string_view key, std::uint32_t value) { return text(key).u32(4).u32(value); }
  Bytes& tensor(std::string_view name, std::vector<std::uint64_t> dims, std::uint32_t type, std::uint64_t offset) {
    text(name).u32(static_cast<std::uint32_t>(dims.size()));
    for (const auto dim : dims)
      u64(dim);
    return u32(type).u64(offset);
  }
  Bytes& pad(std::size_t count) {
    text_.append(count, '\0');
    return *this;
  }
  Bytes& align() { return pad((32 - text_.size() % 32) % 32); }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

inline Bytes begin(std::uint64_t tensors, std::uint64_t metadata, std::uint32_t version = 3) {
  return Bytes().raw("GGUF").u32(version).u64(tensors).u64(metadata);
}

// A small model that the parser takes; `name` makes files differ.
inline std::string good_gguf(std::uint32_t version = 3, const std::string& name = "Tiny") {
  Bytes bytes = begin(2, 8, version);
  bytes.key_text("general.architecture", "llama").key_text("general.name", name).key_u32("general.file_type", 15);
  bytes.key_u32("llama.context_length", 512).key_u32("llama.block_count", 2).key_u32("llama.embedding_length", 64);
  bytes.key_text("tokenizer.chat_template", "{{ messages }}");
  bytes.text("tokenizer.ggml.tokens").u32(9).u32(8).u64(3).text("a").text("").text("ccc");
  bytes.tensor("token_embd.weight", {64, 4}, 0, 0).tensor("output.weight", {256, 2}, 12, 1024);
  return bytes.align().pad(1024 + 288).str();
}

}  // namespace gogrid::domain::test
