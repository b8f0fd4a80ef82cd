#include "domain/gguf.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "domain/gguf_test_support.hpp"

namespace gogrid::domain {
namespace {

using test::begin;
using test::Bytes;

Result<std::optional<GgufHeader>> parse(const std::string& text) { return parse_gguf(as_bytes(text), text.size()); }

TEST(Gguf, TellsWhatTheModelSaysOfItself) {
  for (const std::uint32_t version : {2u, 3u}) {
    const auto parsed = parse(test::good_gguf(version));
    ASSERT_TRUE(parsed) << parsed.error().detail;
    ASSERT_TRUE(*parsed);
    const GgufHeader& header = **parsed;
    EXPECT_EQ(header.version, version);
    EXPECT_EQ(header.architecture, "llama");
    EXPECT_EQ(header.name, "Tiny");
    EXPECT_EQ(header.quantization, "Q4_K_M");
    EXPECT_EQ(header.parameters, 64u * 4 + 256 * 2);
    EXPECT_EQ(header.context_length, 512u);
    EXPECT_EQ(header.shape.layers, 2u);
    EXPECT_EQ(header.shape.embedding_length, 64u);
    EXPECT_EQ(header.shape.vocabulary, 3u);
    EXPECT_EQ(header.role, FileRole::weights);
    EXPECT_TRUE(header.has_chat_template);
    EXPECT_EQ(header.tensors, 2u);
    EXPECT_EQ(header.data_offset_bytes % 32, 0u);
    EXPECT_EQ(header.kind(), ModelKind::chat);
  }
}

TEST(Gguf, EveryShorterPrefixNeedsMoreAndNothingElse) {
  const std::string file = test::good_gguf();
  std::size_t complete = 0;
  for (std::size_t size = 0; size <= file.size(); ++size) {
    // A copy of its own, so that a sanitizer sees a read past it.
    const std::string prefix = file.substr(0, size);
    const auto parsed = parse_gguf(as_bytes(prefix), file.size());
    ASSERT_TRUE(parsed) << size << ": " << parsed.error().detail;
    if (*parsed && complete == 0) complete = size;
    EXPECT_EQ(parsed->has_value(), complete != 0) << size;
  }
  EXPECT_GT(complete, 0u);
  EXPECT_LT(complete, file.size());
}

TEST(Gguf, EveryTruncatedFileIsRefused) {
  const std::string file = test::good_gguf();
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto parsed = parse(file.substr(0, size));
    ASSERT_FALSE(parsed) << size;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
  }
  EXPECT_NE(parse(file.substr(0, file.size() - 1)).error().detail.find("truncated"), std::string::npos);
}

TEST(Gguf, DamagedHeadersAreRefusedWithAReason) {
  constexpr std::uint64_t huge = ~std::uint64_t{0};
  const auto arch = [](Bytes bytes) { return bytes.key_text("general.architecture", "llama"); };
  const struct {
    const char* name;
    std::string file;
    const char* says;
  } table[] = {
      {"empty", "", "not a GGUF"},
      {"text", "Dear model, how are you?", "not a GGUF"},
      {"version 1", begin(1, 1, 1).pad(100).str(), "version 1"},
      {"version 4", begin(1, 1, 4).pad(100).str(), "version 4"},
      {"big-endian", begin(1, 1, 0x03000000).pad(100).str(), "version"},
      {"absurd tensor count", begin(huge, 1).pad(1000).str(), "counts"},
      {"absurd metadata count", begin(1, huge).pad(1000).str(), "counts"},
      {"more metadata than bytes", begin(1, 60'000).pad(1000).str(), "more than the file holds"},
      {"more tensors than bytes", arch(begin(900'000, 1)).pad(1000).str(), "more than the file holds"},
      {"absurd key", begin(1, 1).u64(huge).pad(100).str(), "key"},
      {"empty key", begin(1, 1).key_u32("", 1).pad(100).str(), "empty key"},
      {"absurd text", begin(1, 1).text("k").u32(8).u64(huge).pad(100).str(), "does not end"},
      {"unknown value type", begin(1, 1).text("k").u32(13).pad(100).str(), "type 13"},
      {"nested array", begin(1, 1).text("k").u32(9).u32(9).u64(1).pad(100).str(), "array of type 9"},
      {"absurd array", begin(1, 1).text("k").u32(9).u32(4).u64(huge / 4).pad(100).str(), "more than the file holds"},
      {"absurd array of texts", begin(1, 1).text("k").u32(9).u32(8).u64(huge).pad(100).str(),
       "more than the file holds"},
      {"alignment 0", arch(begin(0, 2)).key_u32("general.alignment", 0).pad(100).str(), "alignment"},
      {"alignment 33", arch(begin(0, 2)).key_u32("general.alignment", 33).pad(100).str(), "alignment"},
      {"no architecture", begin(1, 0).tensor("t", {1}, 0, 0).align().pad(4).str(), "architecture"},
      {"no tensors", arch(begin(0, 1)).pad(100).str(), "no tensors"},
      {"five dimensions", arch(begin(1, 1)).tensor("t", {1, 1, 1, 1, 1}, 0, 0).pad(100).str(), "5 dimensions"},
      {"an empty dimension", arch(begin(1, 1)).tensor("t", {1, 0}, 0, 0).pad(100).str(), "impossible size"},
      {"dimensions that overflow", arch(begin(1, 1)).tensor("t", {huge, huge}, 0, 0).pad(100).str(), "impossible size"},
      {"a tensor beyond the end", arch(begin(1, 1)).tensor("t", {1}, 0, 1 << 20).align().pad(100).str(), "truncated"},
      {"an offset that overflows", arch(begin(1, 1)).tensor("t", {1}, 0, huge - 31).align().pad(100).str(), "beyond"},
      {"a tensor off its alignment", arch(begin(1, 1)).tensor("t", {1}, 0, 3).align().pad(100).str(), "aligned"},
      {"a tensor type of 1000", arch(begin(1, 1)).tensor("t", {1}, 1000, 0).align().pad(100).str(), "type 1000"},
  };
  for (const auto& row : table) {
    const auto parsed = parse(row.file);
    ASSERT_FALSE(parsed) << row.name;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument) << row.name;
    EXPECT_NE(parsed.error().detail.find(row.says), std::string::npos) << row.name << ": " << parsed.error().detail;
  }
}

TEST(Gguf, KindFollowsPoolingThenArchitecture) {
  const struct {
    const char* architecture;
    std::optional<std::uint32_t> pooling;
    bool classifier;
    ModelKind kind;
  } table[] = {
      {"llama", std::nullopt, false, ModelKind::chat}, {"llama", 0u, false, ModelKind::chat},
      {"llama", 1u, false, ModelKind::embedding},      {"qwen3", 3u, false, ModelKind::embedding},
      {"qwen3", 4u, false, ModelKind::rerank},         {"bert", std::nullopt, false, ModelKind::embedding},
      {"bert", 0u, false, ModelKind::embedding},       {"nomic-bert", 1u, false, ModelKind::embedding},
      {"bert", 4u, false, ModelKind::rerank},          {"bert", std::nullopt, true, ModelKind::rerank},
      {"llama", std::nullopt, true, ModelKind::chat},
  };
  for (const auto& row : table) {
    Bytes bytes = begin(1, row.pooling ? 2 : 1).key_text("general.architecture", row.architecture);
    if (row.pooling) bytes.key_u32(std::string(row.architecture) + ".pooling_type", *row.pooling);
    bytes.tensor(row.classifier ? "cls.weight" : "t", {4}, 0, 0).align().pad(16);
    const auto parsed = parse(bytes.str());
    ASSERT_TRUE(parsed && *parsed) << row.architecture;
    EXPECT_EQ((*parsed)->kind(), row.kind) << row.architecture;
  }
}

TEST(Gguf, QuantizationFallsBackToTheTensorsTypes) {
  Bytes bytes = begin(2, 1).key_text("general.architecture", "llama");
  bytes.tensor("norm", {64}, 0, 0).tensor("big", {64, 4}, 8, 256).align().pad(256 + 8 * 34);
  const auto parsed = parse(bytes.str());
  ASSERT_TRUE(parsed && *parsed);
  EXPECT_EQ((*parsed)->quantization, "Q8_0");
}

TEST(Gguf, TensorTypesOfTheFutureAreTaken) {
  const auto parsed =
      parse(begin(1, 1).key_text("general.architecture", "llama").tensor("t", {64}, 77, 0).align().pad(1).str());
  ASSERT_TRUE(parsed && *parsed);
  EXPECT_EQ((*parsed)->quantization, "");
}

GgufHeader good(const std::string& file) {
  const auto parsed = parse(file);
  if (!parsed || !*parsed) throw std::runtime_error(parsed ? "it wants more" : parsed.error().detail);
  return **parsed;
}

TEST(Gguf, KeysAndValuesOfATokenAreReckonedOverAllLayers) {
  const auto arch = [](std::uint64_t metadata, const char* name) {
    return begin(1, metadata + 1).key_text("general.architecture", name);
  };
  const auto end = [](Bytes bytes) { return bytes.tensor("t", {4}, 0, 0).align().pad(16).str(); };
  const struct {
    const char* name;
    std::string file;
    std::uint64_t bytes;
  } table[] = {
      {"as many key heads as heads",
       end(arch(3, "llama")
               .key_u32("llama.block_count", 2)
               .key_u32("llama.embedding_length", 64)
               .key_u32("llama.attention.head_count", 4)),
       2 * 4 * (16 + 16) * 2},
      {"grouped heads",
       end(arch(4, "llama")
               .key_u32("llama.block_count", 32)
               .key_u32("llama.embedding_length", 4096)
               .key_u32("llama.attention.head_count", 32)
               .key_u32("llama.attention.head_count_kv", 8)),
       131'072},
      {"heads of each layer, one without any",
       end(arch(4, "jamba")
               .key_u32("jamba.block_count", 3)
               .key_u32("jamba.embedding_length", 64)
               .key_u32("jamba.attention.head_count", 4)
               .key_u32s("jamba.attention.head_count_kv", {2, 0, 4})),
       (2 + 4) * (16 + 16) * 2},
      {"both by layer, and fewer than layers",
       end(arch(4, "openelm")
               .key_u32("openelm.block_count", 3)
               .key_u32("openelm.embedding_length", 64)
               .key_u32s("openelm.attention.head_count", {4, 2})
               .key_u32s("openelm.attention.head_count_kv", {1, 2})),
       (1 * (16 + 16) + 2 * (32 + 32)) * 2},
      {"lengths of their own",
       end(arch(6, "gemma3")
               .key_u32("gemma3.block_count", 2)
               .key_u32("gemma3.embedding_length", 64)
               .key_u32("gemma3.attention.head_count", 4)
               .key_u32("gemma3.attention.head_count_kv", 1)
               .key_u32("gemma3.attention.key_length", 576)
               .key_u32("gemma3.attention.value_length", 512)),
       2 * (576 + 512) * 2},
      {"an encoder keeps none",
       end(arch(3, "bert")
               .key_u32("bert.block_count", 2)
               .key_u32("bert.embedding_length", 64)
               .key_u32("bert.attention.head_count", 4)),
       0},
      {"nothing is said", end(arch(0, "llama")), 0},
      {"more heads than an embedding has numbers",
       end(arch(3, "llama")
               .key_u32("llama.block_count", 2)
               .key_u32("llama.embedding_length", 2)
               .key_u32("llama.attention.head_count", 4)),
       0},
  };
  for (const auto& row : table)
    EXPECT_EQ(good(row.file).shape.kv_bytes_per_token, row.bytes) << row.name;
}

TEST(Gguf, ShapesBeyondAllModelsAreRefused) {
  constexpr std::uint32_t huge = ~std::uint32_t{0};
  const struct {
    const char* key;
    bool list;
    std::uint32_t value;
  } table[] = {
      {"llama.block_count", false, huge},
      {"llama.attention.head_count", false, huge},
      {"llama.attention.head_count_kv", true, huge},
      {"llama.attention.head_count_kv", false, 65'537},
      {"llama.attention.key_length", false, 1u << 30},
      {"llama.attention.value_length", false, 1u << 30},
      {"split.count", false, 5000},
  };
  for (const auto& row : table) {
    const bool layers = std::string_view(row.key) == "llama.block_count";
    Bytes bytes = begin(1, layers ? 2 : 3).key_text("general.architecture", "llama");
    if (!layers) bytes.key_u32("llama.block_count", 2);
    if (row.list)
      bytes.key_u32s(row.key, {row.value, 1});
    else
      bytes.key_u32(row.key, row.value);
    const auto parsed = parse(bytes.tensor("t", {4}, 0, 0).align().pad(16).str());
    ASSERT_FALSE(parsed) << row.key;
    EXPECT_NE(parsed.error().detail.find("damaged"), std::string::npos) << parsed.error().detail;
  }
}

TEST(Gguf, AListOfAMillionHeadsIsReadOver) {
  Bytes bytes = begin(1, 3).key_text("general.architecture", "llama").key_u32("llama.block_count", 2);
  bytes.key_u32s("llama.attention.head_count_kv", std::vector<std::uint32_t>(1'000'000, 8));
  EXPECT_EQ(good(bytes.tensor("t", {4}, 0, 0).align().pad(16).str()).shape.kv_bytes_per_token, 0u);
}

TEST(Gguf, PartsOfASplitModelAreOneModel) {
  std::vector<GgufHeader> parts;
  for (std::uint16_t i = 0; i < 3; ++i)
    parts.push_back(good(test::split_gguf(i, 3)));
  EXPECT_EQ(parts[1].split_number, 1u);
  EXPECT_EQ(parts[1].split_count, 3u);
  EXPECT_EQ(parts[1].split_tensors, 3u);
  const auto model = join_weights(parts);
  ASSERT_TRUE(model) << model.error().detail;
  EXPECT_EQ(model->name, "Tiny");
  EXPECT_EQ(model->tensors, 3u);
  EXPECT_EQ(model->parameters, 64u * 4 + 256 * 2 + 64 * 64);
  EXPECT_EQ(model->shape.layers, 2u);
  const GgufHeader whole = good(test::good_gguf());
  const struct {
    const char* name;
    std::vector<GgufHeader> files;
    const char* says;
  } table[] = {
      {"none", {}, "needs a file"},
      {"one of three", {parts[0]}, "parts of a split model, and 1 is here"},
      {"the middle alone", {parts[1]}, "parts of a split model"},
      {"in the wrong order", {parts[0], parts[2], parts[1]}, "file 2 of 3"},
      {"one twice", {parts[0], parts[1], parts[1]}, "file 3 of 3"},
      {"of another split", {parts[0], good(test::split_gguf(1, 3, "", 9)), parts[2]}, "file 2 of 3"},
      {"two models", {whole, whole}, "several files"},
      {"an adapter", {good(test::adapter_gguf())}, "LoRA adapter"},
      {"a projector", {good(test::projector_gguf())}, "multimodal projector"},
      {"fewer tensors than said", {good(test::split_gguf(0, 2, "", 9)), good(test::split_gguf(1, 2, "", 9))}, "of 9"},
  };
  for (const auto& row : table) {
    const auto joined = join_weights(row.files);
    ASSERT_FALSE(joined) << row.name;
    EXPECT_NE(joined.error().detail.find(row.says), std::string::npos) << row.name << ": " << joined.error().detail;
  }
}

TEST(Gguf, AdaptersAndProjectorsGoWithModelsOfTheirKind) {
  const GgufHeader llama = good(test::good_gguf());
  GgufHeader embedder = llama;
  embedder.pooling_type = 1;
  const GgufHeader adapter = good(test::adapter_gguf());
  EXPECT_EQ(adapter.role, FileRole::adapter);
  EXPECT_EQ(adapter.shape, ModelShape());
  EXPECT_EQ(good(test::projector_gguf()).role, FileRole::projector);
  const struct {
    const char* name;
    GgufHeader model;
    GgufHeader file;
    const char* says;
  } table[] = {
      {"its adapter", llama, adapter, nullptr},
      {"another's adapter", llama, good(test::adapter_gguf("qwen2")), "architecture qwen2"},
      {"any projector", llama, good(test::projector_gguf("mlp")), nullptr},
      {"another family's projector", llama, good(test::projector_gguf("gemma3")), "for gemma3"},
      {"a projector for embeddings", embedder, good(test::projector_gguf()), "chat"},
      {"a model", llama, llama, "a model of its own"},
  };
  for (const auto& row : table) {
    const auto checked = check_companion(row.model, row.file);
    EXPECT_EQ(checked.has_value(), row.says == nullptr) << row.name;
    if (!checked) {
      EXPECT_NE(checked.error().detail.find(row.says), std::string::npos) << checked.error().detail;
    }
  }
}

}  // namespace
}  // namespace gogrid::domain
