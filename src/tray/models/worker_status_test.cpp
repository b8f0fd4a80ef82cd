#include "tray/models/worker_status.hpp"

#include <QJsonArray>
#include <QJsonDocument>

#include "tray/connection/test_daemon_test_support.hpp"
#include "tray/models/worker_model.hpp"
#include "tray/tray_test_support.hpp"

namespace gogrid::tray {
namespace {

QJsonObject object(const char* text) {
  const auto parsed = QJsonDocument::fromJson(text);
  EXPECT_TRUE(parsed.isObject()) << text;
  return parsed.object();
}

const QDateTime noon(QDate(2026, 11, 29), QTime(12, 0));

struct Case {
  const char* status;
  Mood mood;
  const char* text;
};

class StatusTest : public TrayTest {
 protected:
  StatusTest() { QLocale::setDefault(QLocale::c()); }
};

TEST_F(StatusTest, EachStateHasOneMoodAndOneSentence) {
  const Case cases[] = {
      {R"({"availability":"available","coordinator":{"address":"grid:8443","connected":true}})", Mood::idle,
       "Ready, nothing to do"},
      {R"({"availability":"available","coordinator":{"connected":true},"requests":{"running":1}})", Mood::working,
       "Working on one request"},
      {R"({"availability":"available","coordinator":{"connected":true},"requests":{"running":3}})", Mood::working,
       "Working on 3 requests"},
      {R"({"availability":"available","coordinator":{"address":"grid:8443","connected":false}})", Mood::offline,
       "Connecting to grid:8443"},
      {R"({"availability":"available","coordinator":{"address":"grid:8443","connected":false,"last_error":"timed out"}})",
       Mood::offline, "No connection to grid:8443"},
      {R"({"availability":"refusing","reason":"no sandbox","coordinator":{"connected":true}})", Mood::error,
       "Cannot work: no sandbox"},
      {R"({"availability":"draining","coordinator":{"connected":true}})", Mood::working,
       "Finishing what runs, then stopping"},
      {R"({"availability":"paused","reason":"moving house","coordinator":{"connected":true}})", Mood::paused,
       "Paused: moving house"},
      {R"({"availability":"paused","coordinator":{"connected":false},"pauses":[{"code":"user_active","text":"x","until":null},{"code":"on_battery"}]})",
       Mood::paused, "Paused: you are using the computer"},
      {R"({"availability":"paused","pauses":[{"code":"by_owner","text":"x","until":null}]})", Mood::paused,
       "Paused by you"},
      {R"({"availability":"paused","pauses":[{"code":"something_new","text":"the moon is full"}]})", Mood::paused,
       "Paused: the moon is full"},
      {R"({"availability":"available","coordinator":{"connected":true},"replicas":[{"model_name":"small","phase":"failed"}]})",
       Mood::error, "small does not start"},
      {R"({"availability":"paused","pauses":[{"code":"outside_schedule","text":"x","until":null}]})", Mood::paused,
       "Paused: the schedule never allows work"},
      {R"({"availability":"paused","pauses":[{"code":"outside_schedule","text":"x","until":1795957200}]})",
       Mood::paused, "Paused: outside the hours that you allow"},
      {R"({})", Mood::offline, "Connecting to "},
  };
  for (const Case& one : cases) {
    const Headline headline = StatusWords::headline(read_status(object(one.status)), noon);
    EXPECT_EQ(headline.mood, one.mood) << one.status;
    EXPECT_EQ(headline.text, QString(one.text)) << one.status;
  }
}

TEST_F(StatusTest, APauseOfAPartStopsNothingElse) {
  const char* const hot = R"({"code":"too_hot","part":"pci:1","except":[]})";
  const char* const cpu = R"({"code":"cpu_busy","part":"cpu","except":[]})";
  const char* const used = R"({"code":"gpu_in_use","part":"Vulkan1","except":[]})";
  const char* const except_cpu = R"({"code":"user_active","part":null,"except":["cpu"]})";
  const char* const battery = R"({"code":"on_battery","part":null,"except":[]})";
  const QString hot_note = "Paused on GeForce RTX 4090 (Vulkan0): the GPU is too hot";
  const QString cpu_note = "Paused on the processor: the processor is busy";
  const QString except_note = "Paused except on the processor: you are using the computer";
  const struct {
    std::vector<const char*> pauses;
    int running;
    Mood mood;
    const char* text;
    QStringList notes;
  } cases[] = {
      {{}, 0, Mood::idle, "Ready, nothing to do", {}},
      {{hot}, 0, Mood::idle, "Ready, nothing to do", {hot_note}},
      {{hot}, 2, Mood::working, "Working on 2 requests", {hot_note}},
      {{hot, cpu}, 1, Mood::working, "Working on one request", {hot_note, cpu_note}},
      {{except_cpu}, 1, Mood::working, "Working on one request", {except_note}},
      {{except_cpu}, 0, Mood::idle, "Ready, nothing to do", {except_note}},
      // Nothing is left.
      {{except_cpu, cpu}, 0, Mood::paused, "Paused: you are using the computer", {}},
      {{hot, used, cpu}, 0, Mood::paused, "Paused: the GPU is too hot", {}},
      {{hot, battery}, 0, Mood::paused, "Paused: the computer runs on battery", {}},
      {{battery}, 1, Mood::paused, "Paused: the computer runs on battery", {"What runs is finished first"}},
  };
  for (const auto& one : cases) {
    QJsonArray pauses;
    for (const char* pause : one.pauses)
      pauses.append(object(pause));
    QJsonObject status = object(R"({"availability":"available","coordinator":{"connected":true},"engine":{"devices":[
      {"name":"Vulkan0","gpu_id":"pci:1","description":"GeForce RTX 4090"},
      {"name":"Vulkan1","gpu_id":null,"description":"GeForce RTX 4090"}]}})");
    status["pauses"] = pauses;
    status["requests"] = QJsonObject{{"running", one.running}};
    const std::string said = QJsonDocument(pauses).toJson(QJsonDocument::Compact).toStdString();
    const Headline headline = StatusWords::headline(read_status(status), noon);
    EXPECT_EQ(headline.mood, one.mood) << said;
    EXPECT_EQ(headline.text, QString(one.text)) << said;
    EXPECT_EQ(StatusWords::notes(read_status(status)), one.notes) << said;
  }
}

TEST_F(StatusTest, WithoutAConnectionAPauseOfAPartIsStillSaid) {
  const auto status = read_status(object(
      R"({"availability":"available","coordinator":{"address":"grid:8443"},"pauses":[{"code":"too_hot","part":"pci:1"}]})"));
  EXPECT_EQ(StatusWords::headline(status, noon).mood, Mood::offline);
  EXPECT_EQ(StatusWords::notes(status), QStringList{"Paused on pci:1: the GPU is too hot"});
}

TEST_F(StatusTest, WhatIsWrongIsSaidBesideTheState) {
  const struct {
    const char* status;
    QStringList notes;
  } cases[] = {
      {R"({"activity":{"state":"unknown","wanted":true,"detail":"display: none"}})",
       {"It cannot see whether you use the computer (Settings, Activity): display: none"}},
      {R"({"activity":{"state":"unknown","wanted":true,"detail":""}})",
       {"It cannot see whether you use the computer (Settings, Activity)"}},
      {R"({"activity":{"state":"unknown","wanted":false,"detail":"display: none"}})", {}},
      {R"({"activity":{"state":"idle","wanted":true,"detail":"x"},"config_error":null,"awake_failure":null})", {}},
      // The headline says it.
      {R"({"activity":{"state":"unknown","wanted":true},"pauses":[{"code":"activity_unknown","part":null,"except":[]}]})",
       {}},
      {R"({"config_error":"line 4: unknown key"})",
       {"The settings file is wrong and not in force: line 4: unknown key"}},
      {R"({"awake_failure":"the machine may go to sleep: no"})",
       {"The computer is not kept awake: the machine may go to sleep: no"}},
  };
  for (const auto& one : cases) {
    QJsonObject status = object(one.status);
    status["availability"] = "available";
    status["coordinator"] = QJsonObject{{"connected", true}};
    EXPECT_EQ(StatusWords::notes(read_status(status)), one.notes) << one.status;
    const Mood mood = status.contains("pauses") ? Mood::paused : Mood::idle;
    EXPECT_EQ(StatusWords::headline(read_status(status), noon).mood, mood) << one.status;
  }
}

TEST_F(StatusTest, APauseUntilLaterSaysWhen) {
  Pause pause{"by_owner", "", noon.addSecs(3600)};
  EXPECT_EQ(StatusWords::paused(pause, noon), "Paused by you until 13:00:00");
  pause.until = noon.addSecs(20 * 3600);
  EXPECT_EQ(StatusWords::paused(pause, noon), "Paused by you until Mon 08:00:00");
}

TEST_F(StatusTest, EveryReasonOfThePolicyHasASentenceOfItsOwn) {
  QStringList seen;
  for (const char* code : {"by_owner", "going_to_sleep", "update_pending", "outside_schedule", "on_battery", "too_hot",
                           "user_active", "exclusive_app", "full_screen", "gpu_in_use", "cpu_busy", "memory_short",
                           "metered_network", "low_disk", "activity_unknown"}) {
    const QString sentence = StatusWords::reason(code);
    EXPECT_NE(sentence, QString(code));
    EXPECT_FALSE(seen.contains(sentence)) << code;
    seen << sentence;
  }
}

TEST_F(StatusTest, WhatRunsIsALineForEachModel) {
  const auto status = read_status(object(R"({"replicas":[
    {"model_name":"small","phase":"ready","slots":4,"slots_busy":0},
    {"model_name":"busy","phase":"ready","slots":4,"slots_busy":2},
    {"model_name":"big","phase":"fetching","done_bytes":500,"total_bytes":2000},
    {"model_name":"old","phase":"leaving"}]})"));
  EXPECT_EQ(StatusWords::running(status), (QStringList{"small: ready", "busy: answers 2 of at most 4",
                                                       "big: is fetched, 25 %", "old: leaves the memory"}));
}

TEST_F(StatusTest, OfManyModelsTheFirstAndTheirNumberAreSaid) {
  QJsonArray replicas;
  for (int i = 0; i < 5000; ++i)
    replicas.append(QJsonObject{{"model_name", QString::number(i)}, {"phase", "loading"}});
  const QStringList lines = StatusWords::running(read_status({{"replicas", replicas}}));
  ASSERT_EQ(lines.size(), 7);
  EXPECT_EQ(lines[5], "5: is loaded into memory");
  EXPECT_EQ(lines[6], "and 4994 more");
}

TEST_F(StatusTest, NumbersOutOfAllMeasureAreBounded) {
  const auto status = read_status(object(R"({"availability":"paused","pauses":[{"code":"by_owner","until":9e17}],
    "replicas":[{"model_name":"a","phase":"fetching","done_bytes":9e17,"total_bytes":9e18},
                {"model_name":"b","phase":"fetching","done_bytes":-5,"total_bytes":1}]})"));
  EXPECT_EQ(StatusWords::headline(status, noon).text, "Paused by you");
  EXPECT_EQ(StatusWords::running(status), (QStringList{"a: is fetched, 10 %", "b: is fetched, 0 %"}));
}

TEST_F(StatusTest, WrongTypesAndLongTextsDoNoHarm) {
  const auto status = read_status(object(
      R"({"availability":7,"pauses":{"a":1},"replicas":[3,null,{"slots":"x"}],"coordinator":[],"engine":{"devices":[{"total_bytes":1e300}]}})"));
  EXPECT_EQ(status.replicas.size(), 3u);
  EXPECT_EQ(read_status({{"reason", QString(100'000, 'x')}}).reason.size(), 500);
}

TEST_F(StatusTest, TheModelFollowsTheDaemonAndGivesOrders) {
  WorkerModel model(path("run/control.sock"));
  model.start();
  ASSERT_TRUE(wait_for([&] { return model.headline().text.contains("not running"); }));
  EXPECT_EQ(model.headline().mood, Mood::offline);
  model.set_trouble("it will not start");
  EXPECT_EQ(model.headline().mood, Mood::error);

  TestDaemon daemon(path("run/control.sock"));
  daemon.results["status.subscribe"] = object(R"({"availability":"available","coordinator":{"connected":true}})");
  daemon.results["pause"] = {};
  daemon.errors["resume"] = object(R"({"code":-32000,"message":"the disk is full"})");
  ASSERT_TRUE(wait_for([&] { return model.status().has_value(); }));
  EXPECT_EQ(model.headline().mood, Mood::idle);
  daemon.notify("status.changed", object(R"({"availability":"paused","pauses":[{"code":"by_owner","until":null}]})"));
  ASSERT_TRUE(wait_for([&] { return model.is_paused_by_owner(); }));

  QStringList done;
  const auto keep = [&done](const QString& trouble) { done << trouble; };
  model.pause_for(3600, &model, keep);
  model.pause_for(0, &model, keep);
  model.pause_until_tomorrow(&model, keep);
  model.resume(&model, keep);
  ASSERT_TRUE(wait_for([&] { return done.size() == 4; }));
  EXPECT_EQ(done, (QStringList{"", "", "", "the disk is full"}));
  EXPECT_EQ(daemon.calls[1]["params"].toObject()["for_seconds"].toInt(), 3600);
  EXPECT_TRUE(daemon.calls[2]["params"].toObject().isEmpty());
  EXPECT_EQ(daemon.calls[3]["params"].toObject()["until"].toString(), "tomorrow");
}

}  // namespace
}  // namespace gogrid::tray
