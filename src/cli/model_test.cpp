// Commands about models, aliases and labels against a real server.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/program_test_support.hpp"

namespace gogrid::cli {
namespace {

using client::TestCoordinator;

// A GGUF file with one tensor of 32 floats.
std::string tiny_model() {
  std::string text = "GGUF";
  const auto number = [&text](auto value) { text.append(reinterpret_cast<const char*>(&value), sizeof value); };
  const auto string = [&](std::string_view value) {
    number(std::uint64_t{value.size()});
    text += value;
  };
  number(std::uint32_t{3});
  number(std::uint64_t{1});
  number(std::uint64_t{1});
  string("general.architecture");
  number(std::uint32_t{8});
  string("llama");
  string("token_embd.weight");
  number(std::uint32_t{1});
  number(std::uint64_t{32});
  number(std::uint32_t{0});
  number(std::uint64_t{0});
  text.append((32 - text.size() % 32) % 32, '\0');
  return text + std::string(128, '\1');
}

TEST_F(ProgramTest, AModelIsUploadedAndShown) {
  const std::string bytes = tiny_model();
  const std::string file = write("tiny.v1.gguf", bytes).string();
  server_.expect_upload(Sha256::hex(as_bytes(bytes)), bytes.size());
  server_.on("POST /api/v1/models", 201, R"({"id":"m1","name":"tiny.v1"})");
  EXPECT_EQ(run({"model", "add", file, "--json", "--slots", "2", "--kind", "chat"}), ExitCode::success)
      << terminal_.error_text;
  EXPECT_EQ(nlohmann::json::parse(terminal_.out_text)["id"], "m1");
  EXPECT_TRUE(server_.uploaded() == bytes);
  EXPECT_TRUE(said("Uploading "));
  for (const auto& request : server_.requests()) {
    const auto body = request.body.starts_with('{') ? nlohmann::json::parse(request.body) : nlohmann::json();
    if (request.line == "POST /api/v1/uploads") {
      EXPECT_EQ(body["kind"], "model_file");
      EXPECT_EQ(body["name"], "tiny.v1.gguf");
      EXPECT_EQ(body["size_bytes"], bytes.size());
    }
    if (request.line == "POST /api/v1/models") {
      EXPECT_EQ(body["name"], "tiny.v1");
      EXPECT_EQ(body["slots"], 2);
      EXPECT_EQ(body["kind"], "chat");
      EXPECT_EQ(body["files"], nlohmann::json::parse(R"([{"sha256":")" + Sha256::hex(as_bytes(bytes)) + R"("}])"));
    }
  }
  EXPECT_EQ(server_.requests().back().line, "POST /api/v1/models");
}

TEST_F(ProgramTest, AFilesNameBecomesAName) {
  const std::string bytes = tiny_model();
  server_.expect_upload(Sha256::hex(as_bytes(bytes)), bytes.size());
  server_.on("POST /api/v1/models", 201, R"({"id":"m1","name":"My-Model-v2"})");
  EXPECT_EQ(run({"model", "add", write("My Model (v2).gguf", bytes).string()}), ExitCode::success)
      << terminal_.error_text;
  EXPECT_TRUE(printed("Added the model My-Model-v2.")) << terminal_.out_text;
}

TEST_F(ProgramTest, AModelIsFetchedFromAUrl) {
  int looks = 0;
  server_.on("POST /api/v1/uploads", 202, R"({"id":"fet_1","name":"a","state":"waiting","complete":false})");
  server_.handle("GET /api/v1/uploads/fet_1", [&](const auto&) {
    return TestCoordinator::Reply{200, ++looks < 2
                                           ? R"({"id":"fet_1","state":"fetching","offset_bytes":5,"size_bytes":10})"
                                           : R"({"id":"fet_1","state":"done","complete":true})"};
  });
  server_.on("GET /api/v1/models/a", 200, R"({"id":"m1","name":"a"})");
  EXPECT_EQ(run({"model", "add", "https://models.example/x/a.gguf?k=1", "--tag", "code", "--label", "gpu=yes"}),
            ExitCode::success)
      << terminal_.error_text;
  EXPECT_TRUE(printed("Added the model a.")) << terminal_.out_text;
  const auto body = nlohmann::json::parse(server_.requests().front().body);
  EXPECT_EQ(body["url"], "https://models.example/x/a.gguf?k=1");
  EXPECT_EQ(body["name"], "a");
  EXPECT_EQ(body["tags"], nlohmann::json::parse(R"(["code"])"));
  EXPECT_EQ(body["worker_labels"]["gpu"], "yes");
  server_.handle("GET /api/v1/uploads/fet_1", [](const auto&) {
    return TestCoordinator::Reply{200, R"({"id":"fet_1","state":"failed","detail":"it is no GGUF file"})"};
  });
  EXPECT_EQ(run({"model", "add", "https://models.example/x/a.gguf"}), ExitCode::failed);
  EXPECT_TRUE(said("it is no GGUF file"));
  EXPECT_EQ(run({"model", "add", "x.gguf", "--sha256", "00"}), ExitCode::usage);
}

TEST_F(ProgramTest, ADirectoryHoldsOneModel) {
  const auto folder = home_ / "folder";
  std::filesystem::create_directories(folder);
  const std::pair<std::string, const char*> rows[] = {
      {"m-00001-of-00002.gguf", "part 2 of 2 is missing"},
      {"n-00001-of-00003.gguf", "more than one model"},
  };
  for (const auto& [name, words] : rows) {
    write("folder/" + name, tiny_model());
    EXPECT_EQ(run({"model", "add", folder.string()}), ExitCode::failed) << name;
    EXPECT_TRUE(said(words)) << terminal_.error_text;
  }
  EXPECT_EQ(run({"model", "add", (folder / "m-00001-of-00002.gguf").string()}), ExitCode::failed);
  EXPECT_TRUE(said("part 2 of 2 is missing")) << terminal_.error_text;
  // Parts that are none.
  write("folder/m-00002-of-00002.gguf", tiny_model());
  EXPECT_EQ(run({"model", "add", (folder / "m-00002-of-00002.gguf").string()}), ExitCode::failed);
  EXPECT_TRUE(said("several files are one model only")) << terminal_.error_text;
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(ProgramTest, WhatDoesNotGoWithAModelIsRefusedBeforeAnythingIsSent) {
  const std::string file = write("tiny.gguf", tiny_model()).string();
  EXPECT_EQ(run({"model", "add", file, "--lora", file}), ExitCode::failed);
  EXPECT_TRUE(said("is no LoRA adapter")) << terminal_.error_text;
  EXPECT_EQ(run({"model", "add", file, "--mmproj", file}), ExitCode::failed);
  EXPECT_TRUE(said("is no multimodal projector")) << terminal_.error_text;
  EXPECT_EQ(run({"model", "add", file, "--lora", file + ":high"}), ExitCode::usage);
  EXPECT_EQ(run({"model", "add", file, "--chat-template", (home_ / "none").string()}), ExitCode::usage);
  EXPECT_EQ(run({"model", "add", file, "--idle-timeout", "soon"}), ExitCode::usage);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(ProgramTest, AModelIsChanged) {
  server_.on("PATCH /api/v1/models/small", 200, R"({"id":"m1","name":"small","tags":["a"],"kv_bytes_per_token":2048})");
  write("t.jinja", "{{ x }}");
  EXPECT_EQ(run({"model",
                 "set",
                 "small",
                 "--context",
                 "4096",
                 "--kv-type",
                 "q8_0",
                 "--idle-timeout",
                 "10m",
                 "--label",
                 "gpu=yes",
                 "--label",
                 "site=",
                 "--tag",
                 "a",
                 "--gpu-policy",
                 "spread",
                 "--gpu",
                 "RTX 4090",
                 "--gpu",
                 "cuda0",
                 "--chat-template",
                 (home_ / "t.jinja").string()}),
            ExitCode::success)
      << terminal_.error_text;
  EXPECT_EQ(nlohmann::json::parse(server_.requests().back().body),
            nlohmann::json::parse(R"({"context_tokens":4096,"kv_type":"q8_0","idle_timeout_seconds":600,)"
                                  R"("worker_labels":{"gpu":"yes","site":""},"tags":["a"],"chat_template":"{{ x }}",)"
                                  R"("gpu_policy":"spread","gpus":["RTX 4090","cuda0"]})"));
  EXPECT_TRUE(printed("2.0 KiB a token")) << terminal_.out_text;
  EXPECT_EQ(
      run({"model", "set", "small", "--any-worker", "--any-gpu", "--own-template", "--no-tags", "--idle-timeout", "0"}),
      ExitCode::success)
      << terminal_.error_text;
  EXPECT_EQ(
      nlohmann::json::parse(server_.requests().back().body),
      nlohmann::json::parse(R"({"worker_labels":{},"gpus":[],"tags":[],"chat_template":"","idle_timeout_seconds":0})"));
  EXPECT_EQ(run({"model", "set", "small"}), ExitCode::usage);
  EXPECT_EQ(run({"model", "set", "small", "--any-worker", "--label", "a=b"}), ExitCode::usage);
  EXPECT_EQ(run({"model", "set", "small", "--any-gpu", "--gpu", "a"}), ExitCode::usage);
  EXPECT_EQ(run({"model", "set", "small", "--gpu-policy", "pin"}), ExitCode::usage);
}

TEST_F(ProgramTest, AliasesAreListedSetAndRemoved) {
  server_.on("GET /api/v1/aliases", 200, R"({"data":[{"name":"fast","target":"f2","model":"small"}]})");
  server_.on("PUT /api/v1/aliases/fast", 200, R"({"name":"fast","target":"f2","model":"small"})");
  server_.on("DELETE /api/v1/aliases/fast", 204, "");
  EXPECT_EQ(run({"model", "alias", "ls"}), ExitCode::success) << terminal_.error_text;
  EXPECT_TRUE(printed("fast   f2          small")) << terminal_.out_text;
  EXPECT_EQ(run({"model", "alias", "set", "fast", "f2"}), ExitCode::success) << terminal_.error_text;
  EXPECT_TRUE(printed("fast stands for f2, which is small now.")) << terminal_.out_text;
  EXPECT_EQ(nlohmann::json::parse(server_.requests().back().body)["target"], "f2");
  EXPECT_EQ(run({"model", "alias", "rm", "fast"}), ExitCode::success) << terminal_.error_text;
}

TEST_F(ProgramTest, AWorkerIsLabelled) {
  server_.on("PATCH /api/v1/workers/den", 200, R"({"id":"w1","name":"den","labels":{"gpu":"yes","site":""}})");
  EXPECT_EQ(run({"worker", "label", "den", "gpu=yes", "site=", "--remove", "old"}), ExitCode::success)
      << terminal_.error_text;
  EXPECT_TRUE(printed("den: gpu=yes,site=")) << terminal_.out_text;
  EXPECT_EQ(nlohmann::json::parse(server_.requests().back().body),
            nlohmann::json::parse(R"({"labels":{"gpu":"yes","site":"","old":null}})"));
  EXPECT_EQ(run({"worker", "label", "den"}), ExitCode::usage);
  EXPECT_EQ(run({"worker", "label", "den", "gpu"}), ExitCode::usage);
}

TEST_F(ProgramTest, UnfinishedUploadsAreListedAndGivenUp) {
  server_.on(
      "GET /api/v1/uploads", 200,
      R"({"data":[{"id":"aaaa11","kind":"model","name":"small","offset_bytes":1023,"size_bytes":1024,"created_at":1},)"
      R"({"id":"aaaa22","kind":"engine","name":"cpu","offset_bytes":0,"size_bytes":10,"created_at":1}]})");
  server_.on("DELETE /api/v1/uploads/aaaa11", 204, "");
  EXPECT_EQ(run({"upload", "ls"}), ExitCode::success) << terminal_.error_text;
  EXPECT_TRUE(printed("small  model   1.0 KiB  99 %")) << terminal_.out_text;
  EXPECT_TRUE(printed("cpu    engine     10 B   0 %")) << terminal_.out_text;
  EXPECT_EQ(run({"upload", "rm", "small"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(server_.requests().back().line, "DELETE /api/v1/uploads/aaaa11");
  EXPECT_EQ(run({"upload", "rm", "aaaa1", "--json"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(nlohmann::json::parse(terminal_.out_text).at("removed"), "aaaa11");
  EXPECT_EQ(run({"upload", "rm", "aaaa"}), ExitCode::failed);
  EXPECT_TRUE(said("give more of the id")) << terminal_.error_text;
  EXPECT_EQ(run({"upload", "rm", "none"}), ExitCode::not_found);
  EXPECT_EQ(run({"upload", "rm", "aa"}), ExitCode::not_found);
  EXPECT_EQ(run({"upload", "rm", ""}), ExitCode::usage);
}

TEST_F(ProgramTest, WhatIsNoModelIsRefusedBeforeAnythingIsSent) {
  const std::string bytes = tiny_model();
  const std::pair<std::string, const char*> rows[] = {
      {write("letter.gguf", std::string(1000, 'x')).string(), "GGUF"},
      {write("cut.gguf", std::string_view(bytes).substr(0, bytes.size() - 1)).string(), "truncated"},
      {write("head.gguf", std::string_view(bytes).substr(0, 30)).string(), "head.gguf"},
      {write("empty.gguf", "").string(), "empty"},
      {home_.string(), "more than one model"},
      {(home_ / "none.gguf").string(), "none.gguf"}};
  for (const auto& [file, words] : rows) {
    EXPECT_EQ(run({"model", "add", file}), ExitCode::failed) << file;
    EXPECT_TRUE(said(words)) << terminal_.error_text;
  }
  EXPECT_EQ(run({"engine", "add", write("letter.tar.zst", "Dear engine").string()}), ExitCode::failed);
  EXPECT_TRUE(said("engine/build"));
  EXPECT_TRUE(server_.requests().empty());
}

}  // namespace
}  // namespace gogrid::cli
