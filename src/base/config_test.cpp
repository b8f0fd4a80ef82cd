#include "base/config.hpp"

#include <gtest/gtest.h>

#include <map>

namespace gogrid {
namespace {

struct Values {
  std::int64_t port = 8443;
  double vram = 0;
  bool paused = false;
  std::string host;
  std::vector<std::string> names;
  std::chrono::milliseconds timeout{1000};

  Config config() {
    std::vector<Setting> settings;
    settings.push_back({"server.port", "GOGRID_PORT", "--port", "Port to listen on", port});
    settings.push_back({"server.host", "", "--host", "Host name", host});
    settings.push_back({"server.names", "GOGRID_NAMES", "", "More names", names});
    settings.push_back({"worker.vram", "", "", "Memory", vram});
    settings.push_back({"worker.paused", "", "", "Paused", paused});
    settings.push_back({"worker.timeout", "", "", "Time", timeout});
    return Config(std::move(settings));
  }
};

TEST(Config, FlagsWinOverTheEnvironmentWhichWinsOverTheFile) {
  Values values;
  Config config = values.config();
  ASSERT_TRUE(config.load_text("[server]\nport = 1\nhost = \"file\"\nnames = [\"a\", \"b\"]\n", "x.toml"));
  const std::map<std::string, std::string> environment{{"GOGRID_PORT", "2"}};
  ASSERT_TRUE(config.load_environment([&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  }));
  EXPECT_EQ(values.port, 2);
  ASSERT_TRUE(config.set_flag(config.settings()[0], "3"));
  EXPECT_EQ(values.port, 3);
  EXPECT_EQ(values.host, "file");
  EXPECT_EQ(values.names, (std::vector<std::string>{"a", "b"}));
}

struct BadText {
  const char* text;
  const char* error;
};
class BadConfig : public testing::TestWithParam<BadText> {};

TEST_P(BadConfig, NamesFileLineAndKey) {
  Values values;
  Config config = values.config();
  const auto loaded = config.load_text(GetParam().text, "x.toml");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().detail.find(GetParam().error), std::string::npos) << loaded.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadConfig,
    testing::Values(BadText{"[server]\nprot = 1\n", "x.toml:2: server.prot is not a setting"},
                    BadText{"[server]\nport = \"x\"\n", "x.toml:2: server.port must be a whole number"},
                    BadText{"[server]\nport = -1\n", "server.port must be a whole number"},
                    BadText{"[server]\nport = [1]\n", "server.port must be a whole number"},
                    BadText{"[server]\nnames = \"a\"\n", "server.names must be a list"},
                    BadText{"[worker]\npaused = \"yes\"\n", "worker.paused must be true or false"},
                    BadText{"[worker]\ntimeout = \"5 parsecs\"\n", "worker.timeout must be a time"},
                    BadText{"[worker\n", "x.toml:1:"}, BadText{"port = 1\n", "x.toml:1: port is not a setting"}));

TEST(Config, TimesHaveUnits) {
  Values values;
  Config config = values.config();
  for (const auto& [text, milliseconds] : std::map<std::string, int>{
           {"\"250ms\"", 250}, {"\"2s\"", 2000}, {"3", 3000}, {"1.5", 1500}, {"\"5m\"", 300000}}) {
    ASSERT_TRUE(config.load_text("[worker]\ntimeout = " + text + "\n", "x")) << text;
    EXPECT_EQ(values.timeout.count(), milliseconds) << text;
  }
}

TEST(Config, WhatIsShownReadsBack) {
  Values values;
  values.host = "a \"quoted\" name";
  values.names = {"a", "b"};
  values.timeout = std::chrono::milliseconds(1500);
  Values copy;
  ASSERT_TRUE(copy.config().load_text(values.config().to_toml(), "shown")) << values.config().to_toml();
  EXPECT_EQ(copy.host, values.host);
  EXPECT_EQ(copy.names, values.names);
  EXPECT_EQ(copy.timeout, values.timeout);
}

}  // namespace
}  // namespace gogrid
