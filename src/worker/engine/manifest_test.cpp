#include "worker/engine/manifest.hpp"

#include <gtest/gtest.h>

namespace gogrid::worker {
namespace {

constexpr const char* good =
    R"({"format":1,"name":"llama.cpp","version":"0.7.0-2","flavour":"cpu","target":"linux-x86_64","executable":"/usr/bin/llama-server",)"
    R"("env":{"GGML_VK_VISIBLE_DEVICES":"0"},"packages":[]})";

TEST(EngineManifest, IsRead) {
  const auto manifest = parse_engine_manifest(good, "linux-x86_64");
  ASSERT_TRUE(manifest) << manifest.error().detail;
  EXPECT_EQ(manifest->executable, "/usr/bin/llama-server");
  EXPECT_EQ(manifest->description(), "llama.cpp 0.7.0-2 (cpu)");
  ASSERT_EQ(manifest->environment.size(), 1u);
  EXPECT_EQ(manifest->environment[0].second, "0");
}

TEST(EngineManifest, WhatIsWrongIsNamed) {
  const struct {
    std::string from, to, says;
  } table[] = {
      {good, "", "not a JSON object"},
      {good, "[]", "not a JSON object"},
      {good, "{", "not a JSON object"},
      {"\"format\":1", "\"format\":2", "format 2"},
      {"\"format\":1", "\"format\":\"1\"", "\"format\""},
      {"\"name\":\"llama.cpp\"", "\"name\":7", "\"name\""},
      {"\"name\":\"llama.cpp\"", "\"name\":\"a\\nb\"", "\"name\""},
      {"linux-x86_64", "linux-riscv64", "is for linux-riscv64"},
      {"/usr/bin/llama-server", "usr/bin/llama-server", "\"executable\""},
      {"/usr/bin/llama-server", "/usr/../../bin/sh", "\"executable\""},
      {"{\"GGML_VK_VISIBLE_DEVICES\":\"0\"}", "[]", "\"env\""},
      {"\"0\"", "0", "\"env\""},
      {"GGML_VK_VISIBLE_DEVICES", "A=B", "\"env\""},
      {"GGML_VK_VISIBLE_DEVICES", "LD_PRELOAD", "LD_PRELOAD"},
  };
  for (const auto& row : table) {
    std::string text = good;
    text.replace(text.find(row.from), row.from.size(), row.to);
    const auto manifest = parse_engine_manifest(text, "linux-x86_64");
    ASSERT_FALSE(manifest) << text;
    EXPECT_NE(manifest.error().detail.find(row.says), std::string::npos) << manifest.error().detail;
  }
}

}  // namespace
}  // namespace gogrid::worker
