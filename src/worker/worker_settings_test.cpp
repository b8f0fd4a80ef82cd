// Proves that a worker follows its settings file while it runs, and that a broken one leaves it as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <fstream>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/task_group.hpp"
#include "net/pki.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"
#include "worker/host.hpp"
#include "worker/work_test_support.hpp"
#include "worker/worker.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class WorkerSettings : public ::testing::Test {
 protected:
  void SetUp() override {
    top_ = std::filesystem::temp_directory_path() / ("gogrid-ws-" + to_hex(as_bytes(random_bytes(6))));
    state_ = std::make_unique<StateDirectory>(top_ / "state");
    ASSERT_TRUE(state_->make());
    const auto now = std::chrono::system_clock::now();
    const auto authority = net::pki::create_authority("test", now, std::chrono::hours(24));
    options_.identity.worker_id = "wk_1";
    options_.identity.private_key = *net::pki::generate_key();
    options_.identity.authority = authority->certificate;
    options_.identity.certificate_chain = *net::pki::issue_client_certificate(
        *authority, *net::pki::create_request(options_.identity.private_key, "w"), "wk_1", now, std::chrono::hours(9));
    // Nobody listens there.
    options_.identity.coordinator_host = "127.0.0.1";
    options_.identity.coordinator_port = 1;
    options_.insecure_no_sandbox = true;
    std::ofstream(top_ / "engine.sh")
        << "#!/bin/sh\necho Available devices:\necho \"  GPU0: A card (8000 MiB, 6000 MiB "
           "free)\"\n";
    std::filesystem::permissions(top_ / "engine.sh", std::filesystem::perms::owner_all);
  }
  void TearDown() override {
    worker_->stop();
    worker_->stop();
    test::run_until(io_, [this] { return ended_; });
    worker_.reset();
    std::filesystem::remove_all(top_);
  }

  // An editor writes beside a file and renames.
  void write(const std::string& text) const {
    std::filesystem::create_directories(file().parent_path());
    std::ofstream(top_ / "new") << "[worker]\npreset = 'dedicated'\nengine_path = '" << (top_ / "engine.sh").string()
                                << "'\n"
                                << text;
    std::filesystem::rename(top_ / "new", file());
  }
  std::filesystem::path file() const { return top_ / "config" / "config.toml"; }

  void start() {
    SettingSources sources;
    sources.file = file();
    sources.environment = [](const char*) -> const char* { return nullptr; };
    auto settings = Settings::load(std::move(sources));
    ASSERT_TRUE(settings) << settings.error().detail;
    options_.settings = std::make_shared<Settings>(std::move(*settings));
    worker_ = std::make_unique<Worker>(io_.get_executor(), options_, *state_);
    tasks_.spawn("worker", run());
    test::run_until(io_, [this] { return told().engine().devices_size() == 1; });
  }
  asio::awaitable<void> run() {
    EXPECT_TRUE(co_await worker_->run());
    ended_ = true;
  }

  SessionClient& client() { return *worker_; }
  wire::WorkerState told() { return client().state(); }
  std::uint64_t limit() { return told().engine().devices(0).limit_bytes(); }

  asio::io_context io_{1};
  std::filesystem::path top_;
  std::unique_ptr<StateDirectory> state_;
  WorkerOptions options_;
  std::unique_ptr<Worker> worker_;
  TaskGroup tasks_{io_.get_executor()};
  bool ended_ = false;
};

TEST_F(WorkerSettings, WhatChangesInTheFileCountsAtOnce) {
  write("max_vram_gb = 4\nname = 'before'\n");
  start();
  EXPECT_EQ(limit(), 4'000'000'000u);
  EXPECT_EQ(client().hello().host_name(), "before");
  write("max_vram_gb = 2\nname = 'after'\nlease_grace = 0\n");
  test::run_until(io_, [this] { return limit() == 2'000'000'000u; });
  EXPECT_EQ(client().hello().host_name(), "after");
  EXPECT_TRUE(client().hello().named_by_owner());
  EXPECT_THAT(client().hello().features(), testing::Not(testing::Contains(wire::feature_keeps_leases)));
}

TEST_F(WorkerSettings, ABrokenFileLeavesTheWorkerAsItWas) {
  write("max_vram_gb = 4\n");
  start();
  write("max_vram_gb = lots\n");
  test::run_until(io_, [this] { return !options_.settings->error().empty(); });
  EXPECT_EQ(limit(), 4'000'000'000u);
  write("max_vram_gb = 3\n");
  test::run_until(io_, [this] { return limit() == 3'000'000'000u; });
  EXPECT_EQ(options_.settings->error(), "");
  // As nothing says otherwise.
  EXPECT_EQ(client().hello().host_name(), host_name());
  EXPECT_FALSE(client().hello().named_by_owner());
}

TEST_F(WorkerSettings, WhatCountsAtARestartWaitsForIt) {
  write("max_vram_gb = 4\n");
  start();
  write("max_vram_gb = 2\nsoftware_gpus = 1\n");
  test::run_until(io_, [this] { return limit() == 2'000'000'000u; });
  EXPECT_EQ(options_.settings->config().software_gpus, 0);
  EXPECT_EQ(options_.settings->restart_needed(), std::vector<std::string>{"worker.software_gpus"});
}

TEST_F(WorkerSettings, WhatEnginesMayUseChangesWhileItRuns) {
  write("max_memory_gb = 1\n");
  start();
  EXPECT_EQ(client().hello().hardware().memory_bytes(), 1'000'000'000u);
  write("max_memory_gb = 0.5\n");
  test::run_until(io_, [this] { return client().hello().hardware().memory_bytes() == 500'000'000u; });
}

TEST_F(WorkerSettings, TheOwnersRulesChangeWhileItRuns) {
  write("");
  start();
  EXPECT_EQ(client().state().availability(), wire::AVAILABILITY_AVAILABLE);
  write("schedule = 'never'\n");
  test::run_until(io_, [this] { return client().state().availability() == wire::AVAILABILITY_PAUSED; });
  EXPECT_EQ(client().state().reason(), "its schedule never allows work");
  write("schedule = 'someday'\n");
  test::run_until(io_, [this] { return !options_.settings->error().empty(); });
  EXPECT_EQ(client().state().availability(), wire::AVAILABILITY_PAUSED) << "what was good stays in force";
  write("");
  test::run_until(io_, [this] { return client().state().availability() == wire::AVAILABILITY_AVAILABLE; });
}

TEST_F(WorkerSettings, HowMuchIsLoggedFollows) {
  write("");
  start();
  const auto level = log().level();
  write("[log]\nlevel = 'debug'\n");
  test::run_until(io_, [] { return log().level() == spdlog::level::debug; });
  write("");
  test::run_until(io_, [level] { return log().level() == level; });
}

}  // namespace
}  // namespace gogrid::worker
