#include "coordinator/config.hpp"

#include <gtest/gtest.h>

#include <set>

namespace gogrid::coordinator {
namespace {

TEST(CoordinatorConfig, EverySettingHasItsKeyVariableAndHelp) {
  CoordinatorConfig values;
  std::set<std::string> keys, variables, flags;
  for (const Setting& setting : coordinator_settings(values)) {
    EXPECT_TRUE(keys.insert(setting.key).second) << setting.key;
    EXPECT_TRUE(variables.insert(setting.environment).second) << setting.environment;
    EXPECT_TRUE(setting.flag.empty() || flags.insert(setting.flag).second) << setting.flag;
    EXPECT_FALSE(setting.help.empty()) << setting.key;
  }
  EXPECT_TRUE(variables.contains("GOGRID_COORDINATOR_SERVER_PORT"));
  EXPECT_TRUE(variables.contains("GOGRID_COORDINATOR_LIMITS_MAX_BODY_BYTES"));
}

TEST(CoordinatorConfig, TheDefaultsAreValidAndReadThemselvesBack) {
  CoordinatorConfig values;
  values.server.data_dir = "/somewhere";
  EXPECT_TRUE(validate(values));
  const std::string text = Config(coordinator_settings(values)).to_toml();
  CoordinatorConfig again;
  Config config(coordinator_settings(again));
  const auto loaded = config.load_text(text, "test");
  ASSERT_TRUE(loaded) << loaded.error().detail;
  EXPECT_EQ(again.server.data_dir, values.server.data_dir);
  EXPECT_EQ(again.workers.certificate_lifetime, values.workers.certificate_lifetime);
  EXPECT_EQ(Config(coordinator_settings(again)).to_toml(), text);
}

TEST(CoordinatorConfig, TheStoresPasswordIsNotShown) {
  CoordinatorConfig values;
  Config config(coordinator_settings(values));
  ASSERT_TRUE(config.load_text("[store]\nurl = 'postgresql://user:hunter2@db.example/grid'", "test"));
  EXPECT_EQ(values.store.url, "postgresql://user:hunter2@db.example/grid");
  EXPECT_EQ(config.to_toml().find("hunter2"), std::string::npos);
  EXPECT_NE(config.to_toml().find("db.example/grid"), std::string::npos);
}

TEST(CoordinatorConfig, WhatCannotWorkIsRefusedByName) {
  const struct {
    const char* text;
    const char* says;
  } table[] = {
      {"[server]\nport = 65536", "server.port"},
      {"[tls]\ncert_path = '/x'", "tls.key_path"},
      {"[tls]\nkey_path = '/x'", "tls.cert_path"},
      {"[store]\nurl = 'mysql://host/db'", "store.url"},
      {"[log]\nformat = 'xml'", "log.format"},
      {"[limits]\nmax_body_bytes = 10", "limits.max_body_bytes"},
      {"[limits]\nmax_body_bytes = 536870913", "limits.max_body_bytes"},
      {"[limits]\nmax_connections = 0", "limits.max_connections"},
      {"[limits]\nheader_timeout = 0", "limits.header_timeout"},
      {"[workers]\ncertificate_lifetime = '1m'", "workers.certificate_lifetime"},
      {"[workers]\ncertificate_lifetime = '400d'", "workers.certificate_lifetime"},
      {"[workers]\nidle_timeout = '10ms'", "workers.idle_timeout"},
      {"[workers]\nidle_timeout = '11m'", "workers.idle_timeout"},
      {"[files]\nmax_bytes = 10", "files.max_bytes"},
      {"[batches]\nmax_lines = 0", "batches.max_lines"},
      {"[batches]\nmax_lines = 10000001", "batches.max_lines"},
  };
  for (const auto& row : table) {
    CoordinatorConfig values;
    values.server.data_dir = "/somewhere";
    Config config(coordinator_settings(values));
    ASSERT_TRUE(config.load_text(row.text, "test")) << row.text;
    const auto valid = validate(values);
    ASSERT_FALSE(valid) << row.text;
    EXPECT_NE(valid.error().detail.find(row.says), std::string::npos) << valid.error().detail;
  }
}

}  // namespace
}  // namespace gogrid::coordinator
