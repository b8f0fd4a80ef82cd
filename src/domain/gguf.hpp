// Reads the header of a GGUF file, versions 2 and 3 (ggml's docs/gguf.md): what a model says of itself, and whether the
// file can be whole. The bytes are hostile: every count and length is checked against the file's size before it is
// used. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "domain/model.hpp"

namespace gogrid::domain {

struct GgufHeader {
  std::uint32_t version = 0;
  std::string architecture;  // "llama"
  std::string name;
  // "Q4_K_M"; empty when the file does not say and its tensors have types we do not know.
  std::string quantization;
  // Elements of all tensors.
  std::uint64_t parameters = 0;
  std::uint32_t context_length = 0;
  ModelShape shape;
  // A model's own weights, or what only works with a model's: general.type.
  FileRole role = FileRole::weights;
  // Of a projector: "gemma3".
  std::string projector_type;
  // Of a split model: which of how many files this is, from 0, and the tensors of all of them. All but the first say
  // nothing else of the model.
  std::uint32_t split_number = 0;
  std::uint32_t split_count = 1;
  std::uint64_t split_tensors = 0;
  // llama.cpp's LLAMA_POOLING_TYPE_*: 0 none, 1 mean, 2 first token, 3 last token, 4 rank.
  std::optional<std::int64_t> pooling_type;
  bool has_chat_template = false;
  bool has_classifier = false;
  std::string tokenizer_model;
  std::uint64_t tensors = 0;
  // Where the tensors' data begins.
  std::uint64_t data_offset_bytes = 0;

  // By the pooling type, else by the architecture.
  ModelKind kind() const;
};

// `prefix` is the beginning of a file of `file_bytes`. nullopt: the header goes on past the prefix, hand over more of
// the file. invalid_argument: this is no GGUF file that can be served (not GGUF, damaged, truncated), and why.
Result<std::optional<GgufHeader>> parse_gguf(std::span<const std::byte> prefix, std::uint64_t file_bytes);

// The one model that files of weights are, in their order; invalid_argument when they are not all of one, and why.
Result<GgufHeader> join_weights(const std::vector<GgufHeader>& files);

// Whether the file goes with the model: an adapter, or a projector, for its architecture.
Result<void> check_companion(const GgufHeader& model, const GgufHeader& file);

}  // namespace gogrid::domain
