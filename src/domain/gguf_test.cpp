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
    EXPECT_EQ(header.layers, 2u);
    EXPECT_EQ(header.embedding_length, 64u);
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

}  // namespace
}  // namespace gogrid::domain
