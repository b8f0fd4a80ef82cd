// Proves how llama-server is started, and that its log is kept in bounds.
#include "worker/engine/engine_command.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/utf8.hpp"
#include "worker/engine/log_tail.hpp"

namespace gogrid::worker {
namespace {

using List = std::vector<std::string>;

bool has(const List& list, const List& part) {
  return std::search(list.begin(), list.end(), part.begin(), part.end()) != list.end();
}

ReplicaSpec replica(ModelKind kind) {
  ReplicaSpec spec;
  spec.key.model_id = "m1";
  spec.model_name = "sample";
  spec.kind = kind;
  spec.context_tokens = 512;
  spec.slots = 4;
  return spec;
}

Engine bundle() {
  Engine engine;
  engine.root = "/engines/abc";
  engine.executable = "/usr/bin/llama-server";
  engine.environment = {{"EXTRA", "1"}};
  return engine;
}

TEST(EngineLaunch, GivesEverySlotItsContext) {
  const auto launch = engine_launch(bundle(), replica(ModelKind::chat), "/blobs/def", "/run/e-1", 3);
  const List& command = launch.spec.command;
  EXPECT_EQ(command.front(), "/usr/bin/llama-server");
  EXPECT_TRUE(has(command, {"--model", "/models/model.gguf"}));
  EXPECT_TRUE(has(command, {"--host", "/run/gogrid/engine.sock"}));
  EXPECT_TRUE(has(command, {"--alias", "sample"}));
  EXPECT_TRUE(has(command, {"--parallel", "4"}));
  EXPECT_TRUE(has(command, {"--ctx-size", "2048"})) << "llama-server divides it among the slots";
  EXPECT_TRUE(has(command, {"--threads", "3"}));
  EXPECT_TRUE(has(command, {"--offline"}));
  EXPECT_FALSE(has(command, {"--embeddings"}));
  EXPECT_EQ(launch.spec.read_only.size(), 1u) << "the model and nothing else";
  EXPECT_EQ(launch.spec.read_only[0].second, "/models/model.gguf");
  EXPECT_EQ(launch.spec.root, "/engines/abc");
  EXPECT_FALSE(launch.spec.gpu) << "a bundle for the CPU sees no device";
  EXPECT_NE(std::find(launch.spec.environment.begin(), launch.spec.environment.end(),
                      std::pair<std::string, std::string>("EXTRA", "1")),
            launch.spec.environment.end());
}

TEST(EngineLaunch, AQuantizedContextComesWithFlashAttention) {
  auto spec = replica(ModelKind::chat);
  EXPECT_FALSE(has(engine_launch(bundle(), spec, "/blobs/def", "/run/e-1", 3).spec.command, {"--flash-attn"}));
  spec.kv_type = "q8_0";
  EXPECT_TRUE(has(engine_launch(bundle(), spec, "/blobs/def", "/run/e-1", 3).spec.command,
                  {"--cache-type-k", "q8_0", "--cache-type-v", "q8_0", "--flash-attn", "on"}));
}

TEST(EngineLaunch, EmbeddingAndRerankTakeAWholeInputAtOnce) {
  const auto embedding =
      engine_launch(bundle(), replica(ModelKind::embedding), "/blobs/def", "/run/e-1", 0).spec.command;
  EXPECT_TRUE(has(embedding, {"--embeddings"}));
  EXPECT_TRUE(has(embedding, {"--batch-size", "512", "--ubatch-size", "512"}));
  EXPECT_FALSE(has(embedding, {"--threads"}));
  EXPECT_TRUE(has(engine_launch(bundle(), replica(ModelKind::rerank), "/blobs/def", "/run/e-1", 0).spec.command,
                  {"--reranking"}));
}

TEST(EngineLaunch, WithoutASandboxPathsAreTheHosts) {
  Engine local;
  local.executable = "/opt/llama/llama-server";
  const auto launch = engine_launch(local, replica(ModelKind::chat), "/blobs/def", "/run/e-1", 0);
  EXPECT_EQ(launch.host.arguments.front(), "/opt/llama/llama-server");
  EXPECT_TRUE(has(launch.host.arguments, {"--model", "/blobs/def"}));
  EXPECT_TRUE(has(launch.host.arguments, {"--host", "/run/e-1/engine.sock"}));
}

TEST(EngineLaunch, OnlyAnEngineForGpusSeesThem) {
  Engine engine = bundle();
  engine.gpu = true;
  EXPECT_TRUE(engine_launch(engine, replica(ModelKind::chat), "/blobs/def", "/run/e-1", 0).spec.gpu);
}

TEST(EngineLaunch, SaysWhatKeepsAnEngineFromNvidiasGpus) {
  GpuDevices none;
  GpuDevices nvidia;
  nvidia.nvidia = true;
  GpuDevices vulkan = nvidia;
  vulkan.libraries = {{"/usr/lib64/libEGL_nvidia.so.580.1", "libEGL_nvidia.so.0"}};
  Engine own = bundle();
  own.root.clear();
  for (const bool is_root : {false, true}) {
    EXPECT_EQ(gpu_trouble(bundle(), none, is_root), "");
    EXPECT_EQ(gpu_trouble(bundle(), vulkan, is_root), "");
    EXPECT_EQ(gpu_trouble(bundle(), nvidia, is_root), nvidia.bundle_trouble());
    EXPECT_EQ(gpu_trouble(own, none, is_root), "");
  }
  EXPECT_EQ(gpu_trouble(own, nvidia, false), "") << "CUDA needs no Vulkan";
  EXPECT_NE(gpu_trouble(own, nvidia, true).find("ordinary user"), std::string::npos);
}

TEST(EngineLaunch, SoftwareGpusAreSeenInsteadOfRealOnes) {
  Engine engine = bundle();
  engine.software_gpus = 2;
  EXPECT_FALSE(engine_launch(engine, replica(ModelKind::chat), "/blobs/def", "/run/e-1", 0).spec.gpu)
      << "a bundle for the CPU has no use for them";
  engine.gpu = true;
  const auto launch = engine_launch(engine, replica(ModelKind::chat), "/blobs/def", "/run/e-1", 0);
  ASSERT_TRUE(launch.spec.gpu);
  EXPECT_TRUE(launch.spec.gpu->nodes.empty());
  const auto& environment = launch.spec.environment;
  EXPECT_NE(std::find(environment.begin(), environment.end(),
                      std::pair<std::string, std::string>("GGML_VK_VISIBLE_DEVICES", "0,0")),
            environment.end());
  engine.software_gpus = 0;
  for (const auto& [name, value] : engine_launch(engine, replica(ModelKind::chat), "", "", 0).spec.environment)
    EXPECT_NE(name, "GGML_VK_VISIBLE_DEVICES") << "without it llama.cpp leaves software GPUs alone";
}

TEST(EngineLaunch, DevicesComeLastAndBuffersAreLogged) {
  Engine engine = bundle();
  const List devices = {"--device", "Vulkan0"};
  const auto plain = engine_launch(engine, replica(ModelKind::chat), "/blobs/def", "/run/e-1", 0, devices);
  EXPECT_TRUE(has(plain.spec.command, devices));
  EXPECT_FALSE(has(plain.spec.command, {"--log-verbosity"}));
  engine.gpu = true;
  const auto launch = engine_launch(engine, replica(ModelKind::chat), "/blobs/def", "/run/e-1", 0, devices);
  EXPECT_TRUE(has(launch.spec.command, {"--device", "Vulkan0", "--log-verbosity", "4"}));
  EXPECT_TRUE(has(launch.host.arguments, {"--device", "Vulkan0", "--log-verbosity", "4"}));
}

TEST(EngineLaunch, ListsItsDevicesInTheSameWorld) {
  Engine engine = bundle();
  engine.gpu = true;
  engine.software_gpus = 1;
  const auto launch = device_list_launch(engine);
  EXPECT_EQ(launch.spec.command, (List{"/usr/bin/llama-server", "--list-devices"}));
  EXPECT_TRUE(launch.spec.read_only.empty()) << "no model";
  EXPECT_EQ(launch.spec.environment,
            engine_launch(engine, replica(ModelKind::chat), "/blobs/def", "/run/e-1", 0).spec.environment);
}

TEST(LogTail, KeepsTheLastLinesInBounds) {
  LogTail tail;
  std::vector<std::string> heard;
  const auto hear = [&](const std::string& line) { heard.push_back(line); };
  for (int i = 0; i < 100; ++i)
    tail.feed("line " + std::to_string(i) + "\r\n", hear);
  tail.feed(std::string(100'000, 'x'), hear);
  EXPECT_EQ(heard.size(), 100u);
  EXPECT_EQ(tail.text(2), "line 99\n" + std::string(LogTail::max_line_bytes, 'x'));
  EXPECT_LE(tail.text().size(), (LogTail::max_lines + 1) * (LogTail::max_line_bytes + 1));
  EXPECT_EQ(tail.text().substr(0, 7), "line 61");
}

TEST(LogTail, MakesControlCharactersHarmless) {
  LogTail tail;
  tail.feed("a\x1b[31mb\tc\n\n", nullptr);
  EXPECT_EQ(tail.text(), "a?[31mb?c");
}

// A character is cut neither by the bound of a line nor by the end of what came so far.
TEST(LogTail, IsAlwaysValidUtf8) {
  LogTail tail;
  std::string heard;
  tail.feed("caf\xe9 \xff\n", [&](const std::string& line) { heard = line; });
  EXPECT_EQ(heard, "caf\xef\xbf\xbd \xef\xbf\xbd");
  tail.feed(std::string(LogTail::max_line_bytes - 1, 'x') + "\xc3\xa9y\n", nullptr);
  EXPECT_EQ(tail.text(1), std::string(LogTail::max_line_bytes - 1, 'x'));
  tail.feed("\xe2\x82", nullptr);
  EXPECT_TRUE(is_utf8(tail.text()));
  tail.feed("\xac\n", [&](const std::string& line) { heard = line; });
  EXPECT_EQ(heard, "\xe2\x82\xac");
}

}  // namespace
}  // namespace gogrid::worker
