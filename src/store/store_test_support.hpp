// For tests of stores: a loop to run their coroutines on, a directory that goes away, and records to store.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/encoding.hpp"
#include "store/store.hpp"

namespace gogrid::store::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory()
      : path_(std::filesystem::temp_directory_path() / ("gogrid-store-" + to_hex(as_bytes(random_bytes(6))))) {
    std::filesystem::create_directories(path_);
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class Loop {
 public:
  template <class T>
  T run(boost::asio::awaitable<T> task) {
    std::optional<T> value;
    std::exception_ptr failure;
    boost::asio::co_spawn(context_, std::move(task), [&](std::exception_ptr thrown, T result) {
      failure = thrown;
      value.emplace(std::move(result));
    });
    context_.restart();
    context_.run();
    if (failure) std::rethrow_exception(failure);
    if (!value) throw std::runtime_error("the task did not complete");
    return std::move(*value);
  }
  boost::asio::io_context& context() { return context_; }

 private:
  boost::asio::io_context context_{1};
};

inline SystemTime at(std::int64_t seconds) { return from_unix_seconds(1'700'000'000 + seconds); }

inline KeyRecord key_record(std::string id) {
  KeyRecord key;
  key.id = std::move(id);
  key.secret_sha256 = std::string(64, 'a');
  key.name = "a key";
  key.scopes = {"inference", "admin"};
  key.created_at = at(0);
  key.expires_at = at(1000);
  return key;
}

inline TokenRecord token_record(std::string id, std::int64_t uses = 1) {
  TokenRecord token;
  token.id = std::move(id);
  token.secret_sha256 = std::string(64, 'b');
  token.name = "a token";
  token.uses = token.uses_left = uses;
  token.created_at = at(0);
  token.expires_at = at(100);
  return token;
}

inline WorkerRecord worker_record(std::string id, std::string name = "desk") {
  WorkerRecord worker;
  worker.id = std::move(id);
  worker.name = std::move(name);
  worker.host_name = "desk.example";
  worker.certificate_serial = "1f";
  worker.certificate_expires_at = at(500);
  worker.enrolled_at = at(1);
  return worker;
}

inline ModelRecord model_record(std::string id, std::string name) {
  ModelRecord record;
  record.model.id = domain::ModelId(std::move(id));
  record.model.name = std::move(name);
  record.model.kind = domain::ModelKind::embedding;
  record.model.sha256 = std::string(64, 'c');
  record.model.size_bytes = 5'000'000'000;
  record.model.context_tokens = 4096;
  record.model.slots = 3;
  record.title = "A \"model\"";
  record.architecture = "bert";
  record.quantization = "Q4_K_M";
  record.parameters = 7'000'000'000;
  record.model.shape = {32, 131'072, 4096, 32'000};
  record.model.kv_type = domain::KvType::q8_0;
  record.model.idle_timeout = std::chrono::minutes(10);
  record.model.min_replicas = 1;
  record.model.max_replicas = 5;
  record.model.worker_labels = {{"gpu", "yes"}, {"site", "attic, \"left\""}};
  record.model.gpu_policy = domain::GpuPolicy::spread;
  record.model.gpus = {"RTX 4090", "cuda0"};
  record.model.files = {{domain::FileRole::weights, std::string(64, 'c'), 3'000'000'000},
                        {domain::FileRole::weights, std::string(64, 'd'), 2'000'000'000},
                        {domain::FileRole::adapter, std::string(64, 'e'), 7, 750}};
  record.tags = {"fast", "für-alle"};
  record.trained_context_tokens = 131072;
  record.has_chat_template = true;
  record.created_at = at(5);
  return record;
}

// What a store has of the model "mdl_1" besides its row, from this version on.
inline constexpr std::size_t version_of_model_files = 3;
inline constexpr auto old_model_file =
    "INSERT INTO model_files (model_id, position, role, sha256, size_bytes, scale_permille) "
    "VALUES ('mdl_1', 0, 'weights', 'abc', 77, 1000)";

// The one model of an older version's store: of one file, with today's defaults for what that version did not have.
inline void expect_old_model(const std::vector<ModelRecord>& models) {
  ASSERT_EQ(models.size(), 1u);
  const domain::Model& model = models[0].model;
  EXPECT_EQ(model.files, (std::vector<domain::ModelFile>{{domain::FileRole::weights, "abc", 77}}));
  EXPECT_EQ(model.shape, (domain::ModelShape{3, 0, 64, 0}));
  EXPECT_EQ(model.kv_type, domain::KvType::f16);
  EXPECT_TRUE(model.worker_labels.empty() && models[0].tags.empty());
}

inline EngineRecord engine_record(char digit, std::string name) {
  EngineRecord engine;
  engine.bundle.sha256 = std::string(64, digit);
  engine.bundle.name = std::move(name);
  engine.bundle.size_bytes = 13'000'000;
  engine.bundle.target = "linux-x86_64";
  engine.version = "0.7.0";
  engine.flavour = "cpu";
  engine.created_at = at(7);
  return engine;
}

// Every field is set to something.
inline MemoryRecord memory_record() {
  MemoryRecord record;
  record.key.model_sha256 = std::string(64, 'c');
  record.key.size_bytes = 5'000'000'000;
  record.key.context_tokens = 4096;
  record.key.slots = 3;
  record.key.kv_type = domain::KvType::q8_0;
  record.key.device = "vulkan: AMD Radeon RX 7900 XTX";
  record.key.device_count = 2;
  record.key.device_layers = 33;
  record.memory = {6'000'000'000, 700'000'000, 80'000'000};
  record.measured_at = at(8) + std::chrono::milliseconds(9);
  return record;
}

}  // namespace gogrid::store::test
