// Proves the small parts: back-off, configuration, addresses, availability over restarts, one daemon for each state
// directory, the identity's files.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <fstream>
#include <map>

#include "base/encoding.hpp"
#include "net/pki.hpp"
#include "worker/availability.hpp"
#include "worker/back_off.hpp"
#include "worker/config.hpp"
#include "worker/engine_exchange.hpp"
#include "worker/enrolment.hpp"
#include "worker/event_pace.hpp"
#include "worker/identity.hpp"
#include "worker/settings.hpp"
#include "worker/state_directory.hpp"

namespace gogrid::worker {
namespace {

using namespace std::chrono_literals;

Result<void> load_config(WorkerConfig& config, std::filesystem::path file, bool file_required,
                         std::function<const char*(const char*)> environment) {
  SettingSources sources;
  sources.file = std::move(file);
  sources.file_required = file_required;
  sources.environment = std::move(environment);
  const auto settings = Settings::load(std::move(sources));
  if (!settings) return settings.error();
  config = settings->config();
  return {};
}

class InDirectory : public ::testing::Test {
 protected:
  void SetUp() override {
    top_ = std::filesystem::temp_directory_path() / ("gogrid-worker-" + to_hex(as_bytes(random_bytes(6))));
    std::filesystem::create_directories(top_);
  }
  void TearDown() override { std::filesystem::remove_all(top_); }
  std::filesystem::path top_;
};

TEST(BackOff, DoublesToItsLongestAndStartsAgain) {
  BackOff back_off(1000ms, 8000ms);
  EXPECT_EQ(back_off.next(0), 500ms);
  EXPECT_EQ(back_off.next(0.999999).count(), 1999);
  EXPECT_EQ(back_off.next(0), 2000ms);
  EXPECT_EQ(back_off.next(0), 4000ms);
  EXPECT_EQ(back_off.next(0), 4000ms);
  back_off.reset();
  EXPECT_EQ(back_off.next(0.5), 750ms);
}

// An engine that takes ten minutes to fail is as bad as one that fails at once.
TEST(RestartBackOff, OnlyWhatWasUpForLongStartsOver) {
  using Time = RestartBackOff::Time;
  RestartBackOff back_off(BackOff(1000ms, 8000ms), 60s);
  const Time begin{};
  EXPECT_EQ(back_off.next(begin + 600s, 0), 500ms);
  EXPECT_EQ(back_off.next(begin + 1200s, 0), 1000ms) << "it never came up";
  back_off.is_up(begin + 1800s);
  EXPECT_EQ(back_off.next(begin + 1850s, 0), 2000ms) << "it was up for 50 s";
  back_off.is_up(begin + 2000s);
  EXPECT_EQ(back_off.next(begin + 2061s, 0), 500ms);
  EXPECT_EQ(back_off.next(begin + 4000s, 0), 1000ms) << "what was up before does not count again";
}

TEST(EventPace, HoldsBackOnlyWhatFollowsFast) {
  using TimePoint = EventPace::TimePoint;
  const auto at = [](int microseconds) { return TimePoint(std::chrono::microseconds(microseconds)); };
  EventPace pace(at(0));
  EXPECT_FALSE(pace.next(at(0)));
  pace.passed(200, at(0), at(100));  // the opening event
  EXPECT_FALSE(pace.next(at(100)));
  pace.passed(200, at(100), at(9'100));  // the first token, after the prompt
  EXPECT_FALSE(pace.next(at(9'100)));
  pace.passed(200, at(9'100), at(9'400));
  EXPECT_FALSE(pace.next(at(9'400)));
  pace.passed(200, at(9'400), at(9'700));
  EXPECT_EQ(pace.next(at(9'700)), at(12'000));
  // Another stream waits for the same moment.
  EXPECT_EQ(pace.next(at(11'999)), at(12'000));
  EXPECT_EQ(EventPace(pace).next(at(16'000)), at(20'000));
  // Much at once, or nothing for a while: it is not held back.
  pace.passed(EventPace::long_part_bytes, at(12'000), at(12'001));
  EXPECT_FALSE(pace.next(at(12'001)));
  pace.passed(200, at(12'001), at(12'002));
  pace.passed(200, at(12'002), at(12'003));
  EXPECT_TRUE(pace.next(at(17'000)));
  pace.passed(200, at(17'000), at(21'000));
  EXPECT_FALSE(pace.next(at(21'000)));
}

TEST(EventPace, AShortAnswerIsNotMadeLong) {
  const auto at = [](int microseconds) { return EventPace::TimePoint(std::chrono::microseconds(microseconds)); };
  EventPace pace(at(100'000));
  for (int part = 0; part < 3; ++part)
    pace.passed(200, at(100'000), at(100'100));
  // The next moment is 104,000: a quarter of what has passed is less than what is left, and then it is not.
  EXPECT_FALSE(pace.next(at(103'100)));
  EXPECT_EQ(pace.next(at(103'300)), at(104'000));
}

TEST_F(InDirectory, ConfigurationComesFromFileThenEnvironment) {
  std::ofstream(top_ / "c.toml")
      << "[coordinator]\nhost = 'a'\nport = 1\n[worker]\nmax_memory_gb = 2.5\ndrain_timeout = '5s'\n";
  WorkerConfig config;
  const auto environment = [](const char* name) -> const char* {
    return std::string(name) == "GOGRID_COORDINATOR_HOST" ? "b" : nullptr;
  };
  auto loaded = load_config(config, top_ / "c.toml", true, environment);
  ASSERT_TRUE(loaded) << loaded.error().detail;
  EXPECT_EQ(config.coordinator_host, "b");
  EXPECT_EQ(config.coordinator_port, 1);
  EXPECT_EQ(config.max_memory_gb, 2.5);
  EXPECT_EQ(config.drain_timeout, 5s);
  EXPECT_TRUE(check_config(config));
}

TEST_F(InDirectory, ConfigurationErrorsNameTheSetting) {
  const auto nothing = [](const char*) -> const char* { return nullptr; };
  WorkerConfig config;
  EXPECT_TRUE(load_config(config, top_ / "missing.toml", false, nothing));
  EXPECT_FALSE(load_config(config, top_ / "missing.toml", true, nothing));
  std::ofstream(top_ / "c.toml") << "[worker]\nmax_memory = 2\n";
  auto loaded = load_config(config, top_ / "c.toml", true, nothing);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().detail.find("worker.max_memory"), std::string::npos);
  const struct {
    std::function<void(WorkerConfig&)> change;
    std::string says;
  } table[] = {
      {[](WorkerConfig& c) { c.schedule = "someday"; }, "worker.schedule: \"someday\" is no part of a schedule"},
      {[](WorkerConfig& c) {
         c.max_vram_gb_each = {"Vulkan0=6", "Vulkan1"};
       },
       "\"Vulkan1\" is not like"},
      {[](WorkerConfig& c) { c.cache_dir = "relative"; }, "worker.cache_dir"},
      {[](WorkerConfig& c) { c.engine_path = "llama-server"; }, "worker.engine_path"},
      {[](WorkerConfig& c) { c.name = std::string(256, 'x'); }, "worker.name"},
  };
  for (const auto& row : table) {
    WorkerConfig bad;
    row.change(bad);
    const auto checked = check_config(bad);
    ASSERT_FALSE(checked) << row.says;
    EXPECT_NE(checked.error().detail.find(row.says), std::string::npos) << checked.error().detail;
  }
}

TEST_F(InDirectory, AValueOutOfRangeIsRefusedWithWhatIsAllowed) {
  const auto nothing = [](const char*) -> const char* { return nullptr; };
  const std::pair<const char*, const char*> table[] = {
      {"coordinator.port = 0", "coordinator.port must be a whole number from 1 to 65535, not \"0\""},
      {"coordinator.port = 65536", "coordinator.port must be a whole number from 1 to 65535, not \"65536\""},
      {"worker.threads = 5000", "worker.threads must be a whole number from 0 to 1024"},
      {"worker.max_memory_gb = 1e7", "worker.max_memory_gb must be 0 or a number from 0.25 to 1000000"},
      {"worker.max_memory_gb = 0.1", "worker.max_memory_gb must be 0 or a number from 0.25 to 1000000"},
      {"worker.max_cpu_percent = 0.5", "worker.max_cpu_percent must be 0 or a number from 1 to 100"},
      {"worker.max_cpu_percent = 101", "worker.max_cpu_percent must be 0 or a number from 1 to 100"},
      {"worker.max_cpu_percent = nan", "worker.max_cpu_percent must be 0 or a number from 1 to 100"},
      {"worker.engine_priority = 'high'", "worker.engine_priority must be idle or normal, not \"high\""},
      {"worker.max_gpu_percent = 0", "worker.max_gpu_percent must be a whole number from 1 to 100, not \"0\""},
      {"worker.on_pause = 'stop'", "worker.on_pause must be migrate or finish, not \"stop\""},
      {"worker.idle_after_seconds = 0", "worker.idle_after_seconds must be a whole number from 1 to 86400"},
      {"worker.preset = 'greedy'", "worker.preset must be conservative, default, aggressive or dedicated"},
      {"worker.max_vram_gb = 1e7", "worker.max_vram_gb must be a number from 0 to 1000000"},
      {"worker.max_cache_gb = -1", "worker.max_cache_gb must be a number from 0 to 1000000"},
      {"worker.software_gpus = 17", "worker.software_gpus must be a whole number from 0 to 16"},
      {"worker.lease_grace = '61m'", "worker.lease_grace must be a time such as 30s, 5m or 250ms, 1h or less"},
      {"worker.engine_hang_timeout = 0", "worker.engine_hang_timeout must be a time such as 30s, 5m or 250ms, 1s or"},
      {"worker.engine_start_timeout = 0", "worker.engine_start_timeout must be a time such as 30s, 5m or 250ms, 1s or"},
      {"log.format = 'xml'", "log.format must be text or json, not \"xml\""},
      {"log.level = 'loud'", "log.level must be trace, debug, info, warning, error or off, not \"loud\""},
  };
  for (const auto& [line, says] : table) {
    std::ofstream(top_ / "c.toml") << line << "\n";
    WorkerConfig config;
    const auto loaded = load_config(config, top_ / "c.toml", true, nothing);
    ASSERT_FALSE(loaded) << line;
    EXPECT_NE(loaded.error().detail.find(says), std::string::npos) << loaded.error().detail;
  }
}

TEST_F(InDirectory, FeaturesThatAreStillToComeAreRefusedByName) {
  const std::map<std::string, std::string> lines = {
      {"[updates]\nenabled = true",
       "c.toml:2: updates.enabled: this version does not update itself yet; remove the line"},
      {"[updates]\nendpoints = ['https://x/{{target}}']",
       "updates.endpoints: this version does not update itself yet; remove"}};
  for (const auto& [line, says] : lines) {
    std::ofstream(top_ / "c.toml") << line << "\n";
    WorkerConfig config;
    const auto loaded = load_config(config, top_ / "c.toml", true, [](const char*) -> const char* { return nullptr; });
    ASSERT_FALSE(loaded) << line;
    EXPECT_NE(loaded.error().detail.find(says), std::string::npos) << loaded.error().detail;
  }
  WorkerConfig config;
  std::string value = "https://x/updates";
  const auto environment = [&value](const char* name) -> const char* {
    return std::string(name) == "GOGRID_UPDATE_ENDPOINTS" ? value.c_str() : nullptr;
  };
  const auto loaded = load_config(config, "", false, environment);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().detail, "GOGRID_UPDATE_ENDPOINTS: this version does not update itself yet; unset it");
  value.clear();
  EXPECT_TRUE(load_config(config, "", false, environment));
}

TEST(CoordinatorAddress, IsReadInItsForms) {
  const struct {
    std::string text, host;
    int port;
  } good[] = {{"box", "box", 8443},        {"box.lan:1", "box.lan", 1}, {"10.0.0.1:65535", "10.0.0.1", 65535},
              {"[::1]:99", "::1", 99},     {"::1", "::1", 8443},        {"[fe80::1%eth0]", "fe80::1%eth0", 8443},
              {"https://box:9/", "box", 9}};
  for (const auto& row : good) {
    const auto address = CoordinatorAddress::parse(row.text);
    ASSERT_TRUE(address) << row.text << ": " << address.error().detail;
    EXPECT_EQ(address->host, row.host);
    EXPECT_EQ(address->port, row.port);
  }
  for (const std::string text :
       {"", ":1", "box:", "box:0", "box:65536", "box:1x", "[::1", "[::1]9", "bo x", "box/path", "http://box"}) {
    EXPECT_FALSE(CoordinatorAddress::parse(text)) << text;
  }
}

TEST(CoordinatorAddress, WhatIsConfiguredWinsPartByPart) {
  const struct {
    std::string host;
    std::int64_t port;
    CoordinatorAddress address;
  } table[] = {{"", WorkerConfig::no_port, {"joined", 9443}},
               {"other", WorkerConfig::no_port, {"other", 9443}},
               {"", 7000, {"joined", 7000}},
               {"other", 7000, {"other", 7000}},
               {"other:1", 7000, {"other", 1}},
               {"https://other:2", WorkerConfig::no_port, {"other", 2}},
               {"[::1]", WorkerConfig::no_port, {"::1", 9443}}};
  for (const auto& row : table) {
    WorkerConfig config;
    config.coordinator_host = row.host;
    config.coordinator_port = row.port;
    const auto address = configured_address(config, {"joined", 9443});
    ASSERT_TRUE(address) << row.host;
    EXPECT_EQ(address->text(), row.address.text());
  }
  WorkerConfig config;
  config.coordinator_host = "a b";
  const auto address = configured_address(config, {"joined", 9443});
  ASSERT_FALSE(address);
  EXPECT_NE(address.error().detail.find("GOGRID_COORDINATOR_HOST"), std::string::npos);
}

TEST(Availability, WhatStopsItComesBeforeWhatStandsInItsWay) {
  std::vector<Pause> pauses;
  AvailabilityPolicy policy(pauses);
  EXPECT_EQ(policy.current(), Availability::available);
  EXPECT_EQ(policy.reason(), "");
  policy.set_obstacle("no sandbox: install bubblewrap");
  EXPECT_EQ(policy.current(), Availability::refusing);
  EXPECT_EQ(policy.reason_for_others(), "no sandbox: install bubblewrap");
  pauses.emplace_back();
  pauses[0].text = "you are using the computer";
  pauses[0].text_for_others = "its owner is using it";
  EXPECT_EQ(policy.current(), Availability::paused);
  EXPECT_EQ(policy.reason(), "you are using the computer");
  EXPECT_EQ(policy.reason_for_others(), "its owner is using it");
  policy.drain();
  EXPECT_EQ(policy.current(), Availability::draining);
}

// The rest of the machine goes on.
TEST(Availability, APauseOfAPartStopsOnlyThat) {
  std::vector<Pause> pauses(1);
  const AvailabilityPolicy policy(pauses);
  pauses[0].part = "pci:1";
  EXPECT_EQ(policy.current(), Availability::available);
  pauses[0].part.clear();
  pauses[0].except = {"cpu"};
  EXPECT_EQ(policy.current(), Availability::available);
}

TEST_F(InDirectory, OneDaemonForEachStateDirectory) {
  StateDirectory first(top_ / "state");
  StateDirectory second(top_ / "state");
  ASSERT_TRUE(first.make());
  ASSERT_TRUE(first.lock());
  const auto locked = second.lock();
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().code, ErrorCode::conflict);
  EXPECT_NE(locked.error().detail.find("already running"), std::string::npos);
  struct stat info {};
  ASSERT_EQ(::stat((top_ / "state").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(InDirectory, OneDaemonForEachCache) {
  StateDirectory first(top_ / "a", top_ / "cache");
  StateDirectory second(top_ / "b", top_ / "cache");
  ASSERT_TRUE(first.make());
  ASSERT_TRUE(second.make());
  ASSERT_TRUE(first.lock());
  const auto locked = second.lock();
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().code, ErrorCode::conflict);
  EXPECT_NE(locked.error().detail.find("worker.cache_dir"), std::string::npos) << locked.error().detail;
  EXPECT_TRUE(StateDirectory(top_ / "b").lock()) << "a lock that failed holds nothing";
}

TEST_F(InDirectory, ATooLongNameSaysWhatToDo) {
  const auto made = StateDirectory(top_ / std::string(100, 'x')).make();
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().detail.find("--state-dir"), std::string::npos);
}

Identity make_identity() {
  const auto now = std::chrono::system_clock::now();
  const auto authority = net::pki::create_authority("test", now, std::chrono::hours(24));
  Identity identity;
  identity.worker_id = "wk_1";
  identity.coordinator_host = "box";
  identity.coordinator_port = 1234;
  identity.private_key = *net::pki::generate_key();
  identity.certificate_chain = *net::pki::issue_client_certificate(
      *authority, *net::pki::create_request(identity.private_key, "w"), "wk_1", now, std::chrono::hours(9));
  identity.authority = authority->certificate;
  return identity;
}

TEST_F(InDirectory, TheIdentityIsKeptAndItsKeyIsPrivate) {
  EXPECT_EQ(load_identity(top_ / "identity").error().code, ErrorCode::not_found);
  const Identity identity = make_identity();
  ASSERT_TRUE(store_identity(top_ / "identity", identity));
  ASSERT_TRUE(store_identity(top_ / "identity", identity)) << "joining again replaces it";
  const auto loaded = load_identity(top_ / "identity");
  ASSERT_TRUE(loaded) << loaded.error().detail;
  EXPECT_EQ(loaded->worker_id, "wk_1");
  EXPECT_EQ(loaded->coordinator_port, 1234);
  EXPECT_EQ(loaded->private_key, identity.private_key);
  struct stat info {};
  ASSERT_EQ(::stat((top_ / "identity/worker.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_FALSE(std::filesystem::exists(top_ / "identity.new"));
  const auto times = certificate_times(identity.certificate_chain);
  ASSERT_TRUE(times);
  EXPECT_GE(times->expires - times->renew, std::chrono::hours(3) - std::chrono::minutes(1));
}

TEST_F(InDirectory, ADamagedIdentitySaysToJoinAgain) {
  ASSERT_TRUE(store_identity(top_ / "identity", make_identity()));
  for (const char* name : {"worker.pem", "worker.key", "worker.json"}) {
    ASSERT_TRUE(store_identity(top_ / "identity", make_identity()));
    std::ofstream(top_ / "identity" / name) << "{}";
    const auto loaded = load_identity(top_ / "identity");
    ASSERT_FALSE(loaded) << name;
    EXPECT_NE(loaded.error().detail.find("join again"), std::string::npos) << loaded.error().detail;
  }
}

TEST(EnginePaths, OnlyWhatAnswersRequests) {
  EXPECT_TRUE(is_engine_path("POST", "/v1/chat/completions"));
  EXPECT_TRUE(is_engine_path("POST", "/v1/messages"));
  for (const char* path :
       {"/props", "/slots/0?action=save", "/v1/chat/completions?x", "/", "", "/../health", "/lora-adapters"}) {
    EXPECT_FALSE(is_engine_path("POST", path)) << path;
  }
  EXPECT_FALSE(is_engine_path("GET", "/slots"));
}

}  // namespace
}  // namespace gogrid::worker
