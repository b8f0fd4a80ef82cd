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
  Bytes& key_u32s(std::string_view key, const std::vector<std::uint32_t>& values) {
    text(key).u32(9).u32(4).u64(values.size());
    for (const auto value : values)
      u32(value);
    return *this;
  }
  Bytes& key_u16(std::string_view key, std::uint16_t value) { return text(key).u32(2).number(value); }
  Bytes& key_i32(std::string_view key, std::int32_t value) { return text(key).u32(5).number(value); }
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

// Part `number`, from 0, of a split model of `count`, which has three tensors: two in the first part, one in the last.
inline std::string split_gguf(std::uint16_t number, std::uint16_t count, const std::string& name = "Tiny",
                              std::int32_t tensors = 3) {
  const bool first = number == 0;
  const bool last = number + 1 == count;
  Bytes bytes = begin(first ? 2 : last ? 1 : 0, first ? 7 : 3);
  if (first) {
    bytes.key_text("general.architecture", "llama").key_text("general.name", name);
    bytes.key_u32("llama.block_count", 2).key_u32("llama.embedding_length", 64);
  }
  bytes.key_u16("split.no", number).key_u16("split.count", count).key_i32("split.tensors.count", tensors);
  if (first) bytes.tensor("token_embd.weight", {64, 4}, 0, 0).tensor("output.weight", {256, 2}, 12, 1024);
  if (!first && last) bytes.tensor("blk.1.attn_q.weight", {64, 64}, 0, 0);
  return bytes.align().pad(first ? 1024 + 288 : last ? 64 * 64 * 4 : 0).str();
}

// A LoRA adapter for models of that architecture.
inline std::string adapter_gguf(const std::string& architecture = "llama") {
  Bytes bytes = begin(1, 4);
  bytes.key_text("general.type", "adapter").key_text("general.architecture", architecture);
  bytes.key_text("adapter.type", "lora").key_u32("llama.block_count", 7);
  return bytes.tensor("blk.0.attn_q.weight.lora_a", {64, 2}, 0, 0).align().pad(512).str();
}

inline std::string projector_gguf(const std::string& type = "mlp") {
  Bytes bytes = begin(1, 3);
  bytes.key_text("general.type", "mmproj").key_text("general.architecture", "clip");
  bytes.key_text("clip.projector_type", type);
  return bytes.tensor("mm.0.weight", {64, 2}, 0, 0).align().pad(512).str();
}

}  // namespace gogrid::domain::test
