// Proves that settings follow their file and never leave what is good: with real files, broken ones and changes that
// are refused.
#include "worker/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "worker/settings_json.hpp"

namespace gogrid::worker {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

class SettingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    top_ = std::filesystem::temp_directory_path() / ("gogrid-settings-" + to_hex(as_bytes(random_bytes(6))));
    sources_.file = top_ / "gogrid-worker" / "config.toml";
    sources_.environment = [this](const char* name) -> const char* {
      const auto found = environment_.find(name);
      return found == environment_.end() ? nullptr : found->second.c_str();
    };
  }
  void TearDown() override { std::filesystem::remove_all(top_); }

  void write(const std::string& text) const {
    std::filesystem::create_directories(sources_.file.parent_path());
    std::ofstream(sources_.file) << text;
  }
  std::string written() const {
    const auto text = read_file(sources_.file, 100'000);
    return text ? *text : "(" + std::string(to_string(text.error().code)) + ")";
  }
  Settings load() const {
    auto settings = Settings::load(sources_);
    EXPECT_TRUE(settings) << settings.error().detail;
    return std::move(*settings);
  }
  static const Setting& find(const Settings& settings, const std::string& key) {
    return *std::find_if(settings.list().begin(), settings.list().end(),
                         [&](const Setting& setting) { return setting.key == key; });
  }

  std::filesystem::path top_;
  SettingSources sources_;
  std::map<std::string, std::string> environment_;
};

TEST_F(SettingsTest, APresetIsWhatIsNotSetOtherwise) {
  write("[worker]\nidle_after_seconds = 7\npreset = 'conservative'\n");
  Settings settings = load();
  EXPECT_EQ(settings.config().idle_after_seconds, 7);
  EXPECT_EQ(settings.config().max_temperature_c, 75);
  EXPECT_EQ(find(settings, "worker.max_temperature_c").origin, SettingOrigin::default_value);
  environment_["GOGRID_WORKER_PRESET"] = "dedicated";
  const auto change = settings.reload();
  ASSERT_TRUE(change);
  EXPECT_THAT(change->at_once,
              testing::IsSupersetOf({"worker.preset", "worker.pause_on_activity", "worker.on_battery"}));
  EXPECT_FALSE(settings.config().pause_on_activity);
  EXPECT_EQ(settings.config().idle_after_seconds, 7);
  EXPECT_EQ(find(settings, "worker.pause_on_activity").default_value, "false");
}

// All of them are sound, and none stands for another.
TEST_F(SettingsTest, EveryPresetIsOneOfItsOwn) {
  for (const char* preset : {"conservative", "default", "aggressive", "dedicated"}) {
    write(std::string("[worker]\npreset = '") + preset + "'\n");
    EXPECT_EQ(load().config().preset, preset);
    EXPECT_EQ(preset_config(preset).preset, preset);
  }
}

TEST_F(SettingsTest, ReloadingTellsWhatIsNewAndWhatWaitsForARestart) {
  write("[worker]\nthreads = 2\ncache_dir = '/a'\n");
  Settings settings = load();
  EXPECT_EQ(settings.config().threads, 2);
  auto change = settings.reload();
  ASSERT_TRUE(change);
  EXPECT_TRUE(change->empty());

  write("[worker]\nthreads = 3\ncache_dir = '/b'\nmax_vram_gb_each = ['Vulkan0=6']\n");
  change = settings.reload();
  ASSERT_TRUE(change);
  EXPECT_THAT(change->at_once, ElementsAre("worker.max_vram_gb_each", "worker.threads"));
  EXPECT_THAT(change->at_restart, ElementsAre("worker.cache_dir"));
  EXPECT_THAT(settings.restart_needed(), ElementsAre("worker.cache_dir"));
  EXPECT_EQ(settings.config().threads, 3);
  EXPECT_EQ(settings.config().cache_dir, "/a") << "what runs has that one";
  EXPECT_EQ(find(settings, "worker.cache_dir").target.show(), "\"/b\"");

  std::filesystem::remove(sources_.file);
  change = settings.reload();
  ASSERT_TRUE(change) << "all have their defaults";
  EXPECT_EQ(settings.config().threads, 0);
  EXPECT_THAT(settings.config().max_vram_gb_each, IsEmpty());
  write("[worker]\ncache_dir = '/a'\n");
  ASSERT_TRUE(settings.reload());
  EXPECT_THAT(settings.restart_needed(), IsEmpty()) << "it is again what it was";
}

TEST_F(SettingsTest, ABrokenFileLeavesWhatWasGood) {
  write("[worker]\nthreads = 2\n");
  Settings settings = load();
  const std::pair<std::string, std::string> table[] = {
      {"[worker]\nthreads = 3\n[log\n", "config.toml:3: "},
      {"[worker]\nthreads = 5000\n", "config.toml:2: worker.threads must be a whole number from 0 to 1024, not"},
      {"[worker]\nthreads = 3\ncache_dir = 'x'\n", "worker.cache_dir must be an absolute path"},
      {"[worker]\nthread = 3\n", "config.toml:2: worker.thread is not a setting"},
      {"[worker]\nthreads = 3 # \xff\n", "config.toml:2: "},
      {std::string("\0\0\0", 3), "config.toml:1: "},
      {std::string(2'000'000, ' '), "config.toml is larger than"}};
  for (const auto& [text, says] : table) {
    write(text);
    const auto change = settings.reload();
    ASSERT_FALSE(change) << says;
    EXPECT_THAT(settings.error(), HasSubstr(says));
    EXPECT_EQ(settings.config().threads, 2);
    EXPECT_EQ(find(settings, "worker.threads").target.show(), "2");
  }
  std::filesystem::remove(sources_.file);
  std::filesystem::create_directory(sources_.file);
  EXPECT_FALSE(settings.reload()) << "it cannot be read";
  EXPECT_THAT(settings.error(), HasSubstr("config.toml"));
  std::filesystem::remove(sources_.file);
  write("[worker]\nthreads = 4\n");
  ASSERT_TRUE(settings.reload());
  EXPECT_EQ(settings.config().threads, 4);
  EXPECT_EQ(settings.error(), "");
}

TEST_F(SettingsTest, AFileThatWasNamedMustBeThere) {
  sources_.file_required = true;
  EXPECT_FALSE(Settings::load(sources_));
  write("");
  Settings settings = load();
  std::filesystem::remove(sources_.file);
  EXPECT_FALSE(settings.reload());
  EXPECT_NE(settings.error(), "");
}

TEST_F(SettingsTest, ChangesAreWrittenAndNothingElseInTheFileIs) {
  write("# mine\n[worker]\nthreads = 2 # two\n\n[log]\nlevel = 'debug'\n");
  Settings settings = load();
  const auto change = settings.set({{"worker.threads", "3"},
                                    {"worker.lease_grace", "120"},
                                    {"worker.max_vram_gb_each", "Vulkan0=6,Vulkan1=0"},
                                    {"worker.name", "a \"b\"\n"},
                                    {"log.level", std::nullopt}});
  ASSERT_TRUE(change) << change.error().detail;
  EXPECT_THAT(change->at_once, ElementsAre("worker.name", "worker.max_vram_gb_each", "worker.threads",
                                           "worker.lease_grace", "log.level"));
  EXPECT_EQ(written(),
            "# mine\n[worker]\nthreads = 3 # two\nlease_grace = \"2m\"\nmax_vram_gb_each = [\"Vulkan0=6\", "
            "\"Vulkan1=0\"]\nname = \"a \\\"b\\\"\\u000a\"\n\n[log]\n");
  EXPECT_EQ(settings.config().lease_grace, 120s);
  EXPECT_EQ(settings.config().log_level, "info");
  const auto again = settings.reload();
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_TRUE(again->empty());
  EXPECT_EQ(settings.config().name, "a \"b\"\n");
  EXPECT_EQ(std::filesystem::status(sources_.file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(SettingsTest, TheFirstChangeMakesTheFileAndItsDirectory) {
  Settings settings = load();
  ASSERT_TRUE(settings.set({{"worker.threads", std::nullopt}}));
  EXPECT_EQ(written(), "(not_found)") << "there was nothing to change";
  const auto change = settings.set({{"worker.max_vram_gb", "8.5"}});
  ASSERT_TRUE(change) << change.error().detail;
  EXPECT_EQ(written(), "[worker]\nmax_vram_gb = 8.5\n");
  EXPECT_EQ(settings.config().max_vram_gb, 8.5);
}

TEST_F(SettingsTest, ALinkStaysALink) {
  write("");
  std::filesystem::rename(sources_.file, top_ / "real.toml");
  std::filesystem::create_symlink(top_ / "real.toml", sources_.file);
  Settings settings = load();
  ASSERT_TRUE(settings.set({{"worker.threads", "3"}}));
  EXPECT_TRUE(std::filesystem::is_symlink(sources_.file));
  EXPECT_EQ(written(), "[worker]\nthreads = 3\n");
}

TEST_F(SettingsTest, AChangeThatIsRefusedStoresNothing) {
  environment_["GOGRID_WORKER_NAME"] = "from outside";
  sources_.flags.emplace_back("log.format", "json");
  const std::string text = "[worker]\nthreads = 2\n";
  write(text);
  Settings settings = load();
  struct Case {
    SettingValues values;
    std::string key;
    std::string says;
  };
  const Case cases[] = {
      {{{"worker.lease_grace", "1m"}, {"worker.threads", "5000"}},
       "worker.threads",
       " must be a whole number from 0 to 1024, not \"5000\""},
      {{{"worker.max_memory_gb", "0.1"}}, "worker.max_memory_gb", " must be 0 or a number from 0.25 to 1000000"},
      {{{"worker.max_vram_gb_each", "Vulkan0"}}, "worker.max_vram_gb_each", ": \"Vulkan0\" is not like"},
      {{{"worker.max_vram_gb_each", "A=1,A=2"}}, "worker.max_vram_gb_each", " names A twice"},
      {{{"worker.schedule", "x"}}, "worker.schedule", ": "},
      {{{"worker.cache_dir", "x"}}, "worker.cache_dir", " must be an absolute path"},
      {{{"worker.nothing", "1"}}, "worker.nothing", "\" is not a setting"},
      {{{"worker.nothing", std::nullopt}}, "worker.nothing", "\" is not a setting"},
      {{{"updates.enabled", "true"}}, "updates.enabled", ": this version does not update itself yet"},
      {{{"worker.name", "x"}},
       "worker.name",
       " is set by GOGRID_WORKER_NAME, which wins over the file: change it there"},
      {{{"log.format", std::nullopt}}, "log.format", " is set by the flag --log-format, which wins over the file"}};
  for (const auto& [values, key, says] : cases) {
    const auto change = settings.set(values);
    ASSERT_FALSE(change) << says;
    EXPECT_EQ(change.error().key, key);
    EXPECT_THAT(change.error().detail, HasSubstr(key + says));
    EXPECT_EQ(settings.check(values).error().key, key);
    EXPECT_EQ(written(), text);
    EXPECT_EQ(settings.config().threads, 2);
    EXPECT_EQ(settings.config().lease_grace, 30s);
  }
  write("[worker]\nthreads = [\n");
  EXPECT_THAT(settings.set({{"worker.threads", "3"}}).error().detail, HasSubstr("cannot be changed: it is not TOML"));
  EXPECT_EQ(written(), "[worker]\nthreads = [\n");
}

TEST_F(SettingsTest, CheckingStoresNothing) {
  Settings settings = load();
  const auto checked = settings.check({{"worker.threads", "3"}, {"worker.cache_dir", "/x"}});
  ASSERT_TRUE(checked) << checked.error().detail;
  EXPECT_EQ(checked->config().threads, 3);
  EXPECT_THAT(checked->restart_needed(), ElementsAre("worker.cache_dir"));
  EXPECT_EQ(settings.config().threads, 0);
  EXPECT_EQ(written(), "(not_found)");
}

TEST_F(SettingsTest, WhatCannotBeWrittenStaysAsItWas) {
  // Nobody makes a directory there, not even root.
  sources_.file = "/proc/gogrid-worker/config.toml";
  Settings settings = load();
  const auto change = settings.set({{"worker.threads", "3"}});
  ASSERT_FALSE(change);
  EXPECT_THAT(change.error().detail, HasSubstr("/proc/gogrid-worker"));
  EXPECT_EQ(settings.config().threads, 0);
}

TEST_F(SettingsTest, AreShownWithTheirKindOriginAndLimits) {
  environment_["GOGRID_WORKER_MAX_CACHE_GB"] = "20";
  sources_.flags.emplace_back("log.level", "debug");
  write("[worker]\nthreads = 2\nmax_vram_gb_each = ['Vulkan0=6']\n");
  const json shown = to_json(load());
  EXPECT_EQ(shown["file"], sources_.file.string());
  EXPECT_EQ(shown["error"], nullptr);
  EXPECT_EQ(shown["settings"].size(), load().list().size());
  std::map<std::string, json> settings;
  for (const json& setting : shown["settings"]) {
    settings[setting["key"]] = setting;
    EXPECT_NE(setting["help"], "") << setting["key"];
    EXPECT_FALSE(setting["default"].is_discarded()) << setting["key"];
  }
  const json& threads = settings["worker.threads"];
  EXPECT_EQ(threads["kind"], "integer");
  EXPECT_EQ(threads["value"], 2);
  EXPECT_EQ(threads["default"], 0);
  EXPECT_EQ(threads["origin"], "file");
  EXPECT_EQ(threads["set_by"], nullptr);
  EXPECT_EQ(threads["minimum"], 0);
  EXPECT_EQ(threads["maximum"], 1024);
  EXPECT_EQ(threads["expected"], "a whole number from 0 to 1024");
  EXPECT_EQ(threads["applies"], "at_once");
  EXPECT_FALSE(threads.contains("or_zero"));
  EXPECT_EQ(settings["worker.max_memory_gb"]["minimum"], 0.25);
  EXPECT_EQ(settings["worker.max_memory_gb"]["or_zero"], true);
  EXPECT_EQ(settings["worker.max_cache_gb"]["value"], 20.0);
  EXPECT_EQ(settings["worker.max_cache_gb"]["set_by"], "GOGRID_WORKER_MAX_CACHE_GB");
  EXPECT_EQ(settings["log.level"]["origin"], "flag");
  EXPECT_EQ(settings["log.level"]["set_by"], "--log-level");
  EXPECT_THAT(settings["log.level"]["choices"], ElementsAre("trace", "debug", "info", "warning", "error", "off"));
  EXPECT_EQ(settings["worker.max_vram_gb"]["value"], nullptr) << "it is not set";
  EXPECT_EQ(settings["worker.max_vram_gb_each"]["value"], json({"Vulkan0=6"}));
  EXPECT_EQ(settings["worker.lease_grace"]["value"], "30s");
  EXPECT_EQ(settings["worker.lease_grace"]["maximum"], 3600);
  EXPECT_EQ(settings["worker.cache_dir"]["applies"], "at_restart");
}

TEST(ReadSettingValues, TakesJsonAsTheSettingsAreShown) {
  const auto read = [](const char* text) { return read_setting_values(json::parse(text)); };
  const auto values = read(R"({"a": 8, "b": 0.5, "c": true, "d": "x", "e": ["p", "q"], "f": [], "g": null})");
  ASSERT_TRUE(values);
  EXPECT_EQ(*values,
            (SettingValues{
                {"a", "8"}, {"b", "0.5"}, {"c", "true"}, {"d", "x"}, {"e", "p,q"}, {"f", ""}, {"g", std::nullopt}}));
  for (const char* bad : {"[]", "1", R"({"a": {}})", R"({"a": [1]})", R"({"a": ["p,q"]})", R"({"a": [""]})"})
    EXPECT_FALSE(read(bad)) << bad;
}

}  // namespace
}  // namespace gogrid::worker
