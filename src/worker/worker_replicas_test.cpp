// Proves what a worker does with placements, told by its state: it sees the engine's devices, obeys, tells a shortage
// of memory from other failures, and counts a replica as there until its memory is back. Engines are scripts.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <fstream>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/task_group.hpp"
#include "net/pki.hpp"
#include "wire/worker_protocol.pb.h"
#include "worker/work_test_support.hpp"
#include "worker/worker.hpp"

namespace gogrid::worker {
namespace {

// Of a thousand times x: what is not what it says is fetched again.
constexpr const char* model_sha256 = "44f8354494a5ba03ba1792a8d3e9c534c47a9181980fde7a3f44b06ef2ae7c7f";

namespace asio = boost::asio;
using namespace std::chrono_literals;
constexpr std::uint64_t mib = 1 << 20;

class Replicas : public ::testing::Test {
 protected:
  void SetUp() override {
    top_ = std::filesystem::temp_directory_path() / ("gogrid-r-" + to_hex(as_bytes(random_bytes(6))));
    state_ = std::make_unique<StateDirectory>(top_);
    ASSERT_TRUE(state_->make());
    std::ofstream(state_->blobs() / model_sha256) << std::string(1000, 'x');
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
    // A busy machine would keep it waiting.
    options_.config.engine_priority = "normal";
    options_.config.engine_path = top_ / "engine.sh";
    see(8000, 6000);
  }
  void TearDown() override {
    if (worker_) {
      worker_->stop();
      worker_->stop();
      test::run_until(io_, [this] { return ended_; });
      worker_.reset();
    }
    std::filesystem::remove_all(top_);
  }

  // From now on the engine's one GPU has so much.
  void see(int total_mib, int free_mib) {
    std::ofstream(top_ / "devices.new") << "Available devices:\n  GPU0: A card (" << total_mib << " MiB, " << free_mib
                                        << " MiB free)\n";
    std::filesystem::rename(top_ / "devices.new", top_ / "devices");
  }

  // A worker whose engine, when it should serve, notes its arguments and does `body`.
  void start(const std::string& body) {
    const std::string top = top_.string();
    std::ofstream(options_.config.engine_path) << "#!/bin/sh\nif [ \"$1\" = --list-devices ]; then cat " + top +
                                                      "/devices; exit " + list_status_ + "; fi\necho \"$@\" >>" + top +
                                                      "/runs\n" + body + "\n";
    std::filesystem::permissions(options_.config.engine_path, std::filesystem::perms::owner_all);
    worker_ = std::make_unique<Worker>(io_.get_executor(), options_, *state_);
    tasks_.spawn("worker", run());
    test::run_until(io_, [this] { return told().engine().phase() == wire::PHASE_READY; });
  }
  asio::awaitable<void> run() {
    EXPECT_TRUE(co_await worker_->run());
    ended_ = true;
  }

  SessionClient& client() { return *worker_; }
  wire::WorkerState told() { return client().state(); }
  wire::ReplicaState replica() {
    const auto state = told();
    return state.replicas_size() > 0 ? state.replicas(0) : wire::ReplicaState();
  }
  // How the engine was started to serve, each time.
  std::vector<std::string> runs() {
    std::ifstream file(top_ / "runs");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);)
      lines.push_back(line);
    return lines;
  }

  static wire::Assignment nothing() { return {}; }
  static wire::Assignment unplaced() {
    wire::Assignment assignment;
    auto& replica = *assignment.add_replicas();
    replica.set_model_id("m");
    replica.set_model_name("m");
    replica.mutable_blob()->set_sha256(model_sha256);
    replica.mutable_blob()->set_size_bytes(1000);
    replica.set_slots(1);
    return assignment;
  }
  static wire::Assignment placed(std::uint32_t layers, const std::string& device = "GPU0",
                                 std::uint64_t expected_bytes = 5) {
    auto assignment = unplaced();
    auto& placement = *assignment.mutable_replicas(0)->mutable_placement();
    placement.set_device_layers(layers);
    if (device.empty()) return assignment;
    auto& share = *placement.add_devices();
    share.set_device(device);
    share.set_expected_bytes(expected_bytes);
    return assignment;
  }

  asio::io_context io_{1};
  std::filesystem::path top_;
  std::unique_ptr<StateDirectory> state_;
  WorkerOptions options_;
  std::unique_ptr<Worker> worker_;
  TaskGroup tasks_{io_.get_executor()};
  bool ended_ = false;
  std::string list_status_ = "0";
};

TEST_F(Replicas, TheEnginesDevicesAreTold) {
  options_.config.max_vram_gb = 4;
  start("exit 1");
  ASSERT_EQ(told().engine().devices_size(), 1);
  const auto device = told().engine().devices(0);
  EXPECT_EQ(device.name(), "GPU0");
  EXPECT_EQ(device.description(), "A card");
  EXPECT_EQ(device.total_bytes(), 8000 * mib);
  EXPECT_EQ(device.limit_bytes(), 4'000'000'000u);
  EXPECT_EQ(device.foreign_bytes(), 2000 * mib);
}

TEST_F(Replicas, AnEngineThatDoesNotListDevicesHasNoneAndTheReasonIsTold) {
  std::filesystem::remove(top_ / "devices");
  list_status_ = "3";
  start("exit 1");
  EXPECT_EQ(told().engine().devices_size(), 0);
  EXPECT_TRUE(told().engine().detail().starts_with("the engine's devices are not known: it exited with code 3"))
      << told().engine().detail();
  client().assigned(placed(5));
  test::run_until(io_, [this] { return replica().phase() == wire::PHASE_FAILED; });
  EXPECT_EQ(replica().detail(), "the engine does not see the device GPU0");
  EXPECT_TRUE(runs().empty());
}

TEST_F(Replicas, APlacementIsObeyed) {
  start("exec sleep 600");
  const struct {
    wire::Assignment assignment;
    std::string arguments;
  } table[] = {{placed(7), "--device GPU0 --n-gpu-layers 7 --fit off --split-mode none --main-gpu 0"},
               {placed(0, ""), "--device none --n-gpu-layers 0 --fit off"}};
  std::size_t count = 0;
  for (const auto& row : table) {
    client().assigned(row.assignment);
    ++count;
    test::run_until(io_, [&] { return runs().size() == count; });
    EXPECT_NE(runs().back().find(row.arguments), std::string::npos) << runs().back();
  }
  client().assigned(unplaced());
  test::run_until(io_, [&] { return runs().size() == count + 1; });
  EXPECT_EQ(runs().back().find("--device"), std::string::npos) << "the engine decides";
}

TEST_F(Replicas, AnotherExpectationStartsNothingAnew) {
  start("exec sleep 600");
  client().assigned(placed(7, "GPU0", 5));
  test::run_until(io_, [this] { return runs().size() == 1; });
  client().assigned(placed(7, "GPU0", 6));
  EXPECT_EQ(told().replicas_size(), 1);
  EXPECT_EQ(replica().phase(), wire::PHASE_LOADING);
}

TEST_F(Replicas, WhatOthersUseIsSeenWhileNoneOfOursIsThere) {
  start("exec sleep 600");
  see(8000, 7000);
  client().assigned(placed(7));
  test::run_until(io_, [this] { return runs().size() == 1; });
  EXPECT_EQ(told().engine().devices(0).foreign_bytes(), 1000 * mib) << "looked at again before the load";
  see(8000, 1000);
  auto both = placed(7);
  *both.add_replicas() = placed(7).replicas(0);
  both.mutable_replicas(1)->set_model_id("n");
  client().assigned(both);
  test::run_until(io_, [this] { return runs().size() == 2; });
  EXPECT_EQ(told().engine().devices(0).foreign_bytes(), 1000 * mib) << "our engine's memory is not foreign";
}

TEST_F(Replicas, WithoutMemoryItWaitsForAnotherAssignment) {
  start("echo 'E ggml: failed to allocate buffer of size 99'; exit 1");
  client().assigned(placed(7));
  test::run_until(io_, [this] { return replica().phase() == wire::PHASE_FAILED; });
  EXPECT_TRUE(replica().out_of_memory());
  EXPECT_NE(replica().detail().find("memory was short (E ggml: failed to allocate buffer of size 99)"),
            std::string::npos)
      << replica().detail();
  // Longer than the first pauses before another try.
  client().connected(BlobSource());
  client().assigned(placed(7));
  for (const auto until = std::chrono::steady_clock::now() + 1500ms; std::chrono::steady_clock::now() < until;)
    io_.run_one_for(100ms);
  EXPECT_EQ(runs().size(), 1u);
  client().assigned(placed(3));
  test::run_until(io_, [this] { return runs().size() == 2; });
}

TEST_F(Replicas, OtherFailuresAreTriedAgainAndCounted) {
  start("echo 'E no such tensor'; exit 1");
  client().assigned(placed(7));
  test::run_until(io_, [this] { return replica().starts() == 3 && replica().phase() == wire::PHASE_FAILED; });
  EXPECT_FALSE(replica().out_of_memory());
  EXPECT_TRUE(replica().detail().starts_with("it failed to load 3 times in a row: the engine exited with code 1"))
      << replica().detail();
  EXPECT_NE(replica().detail().find("E no such tensor"), std::string::npos);
}

// Nobody decides anew for a coordinator that does not place.
TEST_F(Replicas, WithoutAPlacementAShortageIsTriedAgain) {
  start("echo 'E ggml: failed to allocate buffer of size 99'; exit 1");
  client().assigned(unplaced());
  test::run_until(io_, [this] { return replica().starts() == 2 && replica().phase() == wire::PHASE_FAILED; });
  EXPECT_TRUE(replica().out_of_memory());
}

TEST_F(Replicas, AReplicaIsThereUntilItsMemoryIsBackAndTheNextWaits) {
  see(8000, 7000);
  start("exec sleep 600");
  client().assigned(placed(7));
  test::run_until(io_, [this] { return runs().size() == 1; });
  // As if the driver had not noticed yet that the engine is gone.
  see(8000, 100);
  client().assigned(nothing());
  EXPECT_EQ(replica().phase(), wire::PHASE_LEAVING);
  client().assigned(placed(9));
  test::run_until(io_, [this] { return replica().detail() == "its memory comes back"; });
  EXPECT_EQ(told().replicas_size(), 1) << "one entry for each model";
  EXPECT_EQ(replica().phase(), wire::PHASE_LEAVING);
  EXPECT_EQ(replica().slots(), 0u);
  EXPECT_EQ(runs().size(), 1u);
  see(8000, 7000);
  test::run_until(io_, [this] { return runs().size() == 2; });
  EXPECT_EQ(replica().phase(), wire::PHASE_LOADING);
  client().assigned(nothing());
  test::run_until(io_, [this] { return told().replicas_size() == 0; });
}

TEST_F(Replicas, MemoryThatDoesNotComeBackIsNotWaitedForForever) {
  see(8000, 7000);
  start("exec sleep 600");
  client().assigned(placed(7));
  test::run_until(io_, [this] { return runs().size() == 1; });
  see(8000, 100);
  client().assigned(nothing());
  test::run_until(io_, [this] { return told().replicas_size() == 0; });
}

TEST_F(Replicas, OurEnginesTogetherAreHeldToTheLimit) {
  std::ofstream(options_.config.engine_path) << "#!/bin/sh\ncat " << (top_ / "devices").string() << "\n";
  std::filesystem::permissions(options_.config.engine_path, std::filesystem::perms::owner_all);
  SandboxOptions none;
  none.insecure = true;
  Sandbox sandbox(io_.get_executor(), none);
  int changes = 0;
  EngineDevices devices(io_.get_executor(), sandbox, *parse_vram_limits(4, {}), [&] { ++changes; });
  const auto engine = std::make_shared<Engine>();
  engine->id = "local";
  engine->executable = options_.config.engine_path;
  engine->gpu = true;
  tasks_.spawn("look", devices.look(engine));
  test::run_until(io_, [this] { return tasks_.size() == 0; });
  ASSERT_EQ(devices.list().size(), 1u);
  EXPECT_EQ(changes, 1);
  auto first = devices.use({"GPU0"});
  first->set_bytes("GPU0", 3'000'000'000);
  EXPECT_EQ(devices.over_limit(*first), "");
  const auto second = devices.use({});
  second->set_bytes("GPU0", 2'000'000'000);
  EXPECT_EQ(devices.over_limit(*second),
            "it took 2.00 GB of GPU0, with others of ours 5.00 GB; the owner's limit is 4.00 GB");
  first.reset();
  EXPECT_EQ(devices.over_limit(*second), "");
  EXPECT_EQ(devices.list()[0].used_bytes, 2'000'000'000u);

  devices.set_limits(*parse_vram_limits(1, {}));
  EXPECT_EQ(devices.list()[0].limit_bytes, 1'000'000'000u);
  EXPECT_EQ(devices.over_limit(*second), "it took 2.00 GB of GPU0; the owner's limit is 1.00 GB");
  second->end();
  EXPECT_EQ(devices.list()[0].used_bytes, 0u);
  EXPECT_EQ(devices.over_limit(*second), "") << "what is killed is over no limit";
  devices.set_limits({});
  EXPECT_EQ(devices.list()[0].limit_bytes, devices.list()[0].total_bytes);
}

// 100 MiB that it has written to.
constexpr const char* large_engine =
    "exec perl -e '$x = \"x\" x (100 << 20); open F, \">\", \"'$0'.large\"; close F; sleep 600'";

TEST_F(Replicas, AnEngineForWhichTheMemoryLimitBecomesTooSmallEndsAndSaysSo) {
  start(large_engine);
  client().assigned(placed(7));
  test::run_until(io_, [this] { return std::filesystem::exists(options_.config.engine_path.string() + ".large"); });
  auto config = options_.config;
  config.max_memory_gb = 0.5;
  worker_->set_limits(config);
  test::run_until(io_, [this] { return client().hello().hardware().memory_bytes() == 500'000'000; });
  EXPECT_EQ(replica().phase(), wire::PHASE_LOADING) << "it fits";
  config.max_memory_gb = 0.05;
  config.max_cpu_percent = 50;
  worker_->set_limits(config);
  test::run_until(io_, [this] { return replica().phase() == wire::PHASE_FAILED; });
  EXPECT_TRUE(replica().out_of_memory());
  EXPECT_TRUE(replica().detail().starts_with("stopped: it holds 0.")) << replica().detail();
  EXPECT_TRUE(replica().detail().ends_with(" GB of memory; the owner's limit is 0.05 GB now")) << replica().detail();
  EXPECT_EQ(runs().size(), 1u) << "the coordinator decides what is next";
}

// What is assigned and taken back before it could begin leaves nothing behind.
TEST_F(Replicas, OneThatWaitsForItsForerunnerCanBeTakenBack) {
  start("exec sleep 600");
  client().assigned(placed(7));
  test::run_until(io_, [this] { return runs().size() == 1; });
  client().assigned(placed(8));
  client().assigned(placed(9));
  client().assigned(nothing());
  test::run_until(io_, [this] { return told().replicas_size() == 0; });
  EXPECT_EQ(runs().size(), 1u);
}

}  // namespace
}  // namespace gogrid::worker
