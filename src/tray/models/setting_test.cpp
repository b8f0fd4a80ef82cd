#include "tray/models/setting.hpp"

#include <QJsonArray>
#include <QJsonDocument>
#include <QLocale>

#include "tray/tray_test_support.hpp"

namespace gogrid::tray {
namespace {

QJsonObject object(const char* text) {
  const auto parsed = QJsonDocument::fromJson(text);
  EXPECT_TRUE(parsed.isObject()) << text;
  return parsed.object();
}

SettingState of_kind(const char* kind) {
  SettingState setting;
  setting.kind = kind;
  return setting;
}

TEST(SettingTest, WhatTheDaemonDescribesIsRead) {
  const SettingsState state = read_settings(object(R"({"file":"/f","error":null,"settings":[
    {"key":"worker.threads","kind":"integer","value":4,"default":0,"origin":"environment","set_by":"GOGRID_WORKER_THREADS",
     "help":"h","expected":"e","minimum":0,"maximum":1024,"applies":"at_restart"},
    {"key":"worker.on_pause","kind":"choice","value":"finish","default":"migrate","origin":"file","choices":["migrate","finish"]},
    7]})"));
  EXPECT_EQ(state.file, "/f");
  EXPECT_EQ(state.error, "");
  const SettingState* threads = state.find("worker.threads");
  ASSERT_TRUE(threads);
  EXPECT_TRUE(threads->is_locked());
  EXPECT_TRUE(threads->applies_at_restart);
  EXPECT_EQ(threads->maximum, 1024);
  EXPECT_TRUE(SettingWords::lock(*threads).contains("GOGRID_WORKER_THREADS"));
  ASSERT_TRUE(state.find("worker.on_pause"));
  EXPECT_FALSE(state.find("worker.on_pause")->is_locked());
  EXPECT_EQ(state.find("worker.on_pause")->choices, (QStringList{"migrate", "finish"}));
  EXPECT_FALSE(state.find("worker.none"));
}

TEST(SettingTest, AKeyThatIsNewIsShownAsTheDaemonSaysIt) {
  SettingState setting;
  setting.key = "worker.invented";
  setting.help = "What it does";
  EXPECT_EQ(SettingWords::page(setting.key), Page::advanced);
  EXPECT_EQ(SettingWords::label(setting.key), "worker.invented");
  EXPECT_EQ(SettingWords::help(setting), "What it does");
}

TEST(SettingTest, WhatIsWrongIsSaidAsTheSettingIsDescribed) {
  struct Case {
    const char* setting;
    const char* said;
    const char* fault;
  };
  const Case cases[] = {
      {R"({"kind":"integer","minimum":0,"maximum":1024})", "what it must be",
       "It must be a whole number from 0 to 1024."},
      {R"({"kind":"number","minimum":0,"maximum":0.5})", "what it must be", "It must be a number from 0 to 0.5."},
      {R"({"kind":"number","minimum":0.25,"maximum":100,"or_zero":true})", "what it must be",
       "It must be 0, or a number from 0.25 to 100."},
      {R"({"kind":"duration"})", "what it must be", "It must be a time, such as 30s or 5m."},
      {R"({"kind":"duration","minimum":1})", "what it must be", "It must be a time of at least 1s, such as 30s or 5m."},
      {R"({"kind":"duration","maximum":3600})", "what it must be",
       "It must be a time of at most 1h, such as 30s or 5m."},
      {R"({"kind":"duration","minimum":0.5,"maximum":90})", "what it must be",
       "It must be a time from 0.5s to 90s, such as 30s or 5m."},
      {R"({"kind":"path"})", "what it must be", "It must be a whole path, from / or ~/ on."},
      {R"({"key":"worker.schedule","kind":"text"})", "worker.schedule: \"x\" is no day",
       "The schedule cannot be used: \"x\" is no day"},
      // The description tells less.
      {R"({"kind":"text"})", "what it must be", "what it must be"},
      {R"({"kind":"number"})", "what it must be", "what it must be"},
      {R"({"kind":"list"})", "what it must be", "what it must be"},
  };
  QLocale::setDefault(QLocale("en_US"));
  for (const Case& one : cases) {
    QJsonObject setting = object(one.setting);
    if (!setting.contains("key")) setting["key"] = "k";
    const auto state = read_settings({{"settings", QJsonArray({setting})}});
    EXPECT_EQ(SettingWords::fault(state.settings.at(0), one.said), QString(one.fault));
  }
  QLocale::setDefault(QLocale::c());
}

// Otherwise the owner is told to write what is then refused.
TEST(SettingTest, ALimitIsShownAsItMayBeTyped) {
  QLocale::setDefault(QLocale("de_DE"));
  SettingState port = of_kind("integer");
  port.key = "coordinator.port";
  port.minimum = 1;
  port.maximum = 65535;
  EXPECT_TRUE(SettingWords::fault(port, "what it must be").endsWith("from 1 to 65535."));
  EXPECT_EQ(text_value(port, "65535"), QJsonValue(65535));
  SettingState memory = of_kind("number");
  memory.key = "worker.max_memory_gb";
  memory.minimum = 0.25;
  memory.maximum = 1e6;
  EXPECT_TRUE(SettingWords::fault(memory, "what it must be").endsWith("from 0,25 to 1000000."));
  EXPECT_EQ(text_value(memory, "0,25"), QJsonValue(0.25));
  QLocale::setDefault(QLocale::c());
}

TEST(SettingTest, ValuesGoToTextAndBack) {
  struct Case {
    const char* kind;
    const char* value;
    const char* text;
  };
  const Case cases[] = {
      {"integer", "[8]", "8"},
      {"number", "[0.25]", "0.25"},
      {"number", "[1000000]", "1000000"},
      {"text", "[\"a, b\"]", "a, b"},
      {"text", "[null]", ""},
      {"duration", "[\"5m\"]", "5m"},
      {"list", "[[\"a\",\"b c\"]]", "a, b c"},
  };
  for (const Case& one : cases) {
    const QJsonValue value = QJsonDocument::fromJson(one.value).array().first();
    EXPECT_EQ(value_text(of_kind(one.kind), value), QString(one.text)) << one.value;
    EXPECT_EQ(text_value(of_kind(one.kind), one.text), value) << one.value;
  }
  EXPECT_EQ(value_text(of_kind("duration"), 90.0), "90s");
  EXPECT_EQ(text_value(of_kind("integer"), "many"), QJsonValue("many"));
  EXPECT_EQ(text_value(of_kind("list"), " a ,, b,"), QJsonValue(QJsonArray({"a", "b"})));
  QLocale::setDefault(QLocale("de_DE"));
  EXPECT_EQ(text_value(of_kind("number"), "0,5"), QJsonValue(0.5));
  QLocale::setDefault(QLocale::c());
}

TEST(SettingTest, LimitsOfGpusAreReadAndWhatIsNoneIsLeftOut) {
  const auto limits =
      read_vram_limits(QJsonArray({"Vulkan0=6", " CUDA0 = 2.5", "Vulkan1", "=3", "x=y", "a=nan", "b=inf", "c=-1", 7}));
  ASSERT_EQ(limits.size(), 2u);
  EXPECT_EQ(limits[0].device, "Vulkan0");
  EXPECT_EQ(limits[0].gigabytes, 6);
  EXPECT_EQ(limits[1].device, "CUDA0");
  EXPECT_EQ(limits[1].gigabytes, 2.5);
  EXPECT_TRUE(read_vram_limits(QJsonValue("Vulkan0=6")).empty());
}

}  // namespace
}  // namespace gogrid::tray
