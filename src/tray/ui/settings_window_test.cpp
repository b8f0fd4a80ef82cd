// Proves that the settings window sends what its owner changed and nothing else, and keeps it when the daemon restarts
// or the settings are changed elsewhere; and that every window can be used by keyboard and screen reader.
#include "tray/ui/settings_window.hpp"

#include <QAccessible>
#include <QComboBox>
#include <QJsonArray>
#include <QJsonDocument>
#include <QScrollBar>
#include <QSpinBox>
#include <QTest>
#include <QWheelEvent>
#include <algorithm>

#include "tray/connection/test_daemon_test_support.hpp"
#include "tray/tray_test_support.hpp"
#include "tray/ui/setting_field.hpp"
#include "tray/ui/setup_wizard.hpp"
#include "tray/ui/statistics_window.hpp"
#include "tray/ui/status_window.hpp"

namespace gogrid::tray {
namespace {

QJsonObject object(const char* text) {
  const auto parsed = QJsonDocument::fromJson(text);
  EXPECT_TRUE(parsed.isObject()) << text;
  return parsed.object();
}

QJsonObject setting(const char* key, const char* kind, const QJsonValue& value, const QJsonObject& more = {}) {
  QJsonObject out = {{"key", key},       {"kind", kind}, {"value", value},      {"default", QJsonValue::Null},
                     {"origin", "file"}, {"help", "h"},  {"applies", "at_once"}};
  for (auto member = more.begin(); member != more.end(); ++member)
    out[member.key()] = member.value();
  return out;
}

QJsonObject answer(const QJsonArray& settings) { return {{"file", "/f"}, {"error", {}}, {"settings", settings}}; }

const char* const status_text = R"({"availability":"available","coordinator":{"connected":true},"engine":{"devices":[
  {"name":"Vulkan0","description":"A","total_bytes":24000000000},
  {"name":"Vulkan1","description":"B","total_bytes":9000000000000000000}]}})";

QJsonObject gpu(const char* name, const char* description, double bytes) {
  return {{"name", name}, {"description", description}, {"total_bytes", bytes}};
}

QJsonObject status_with(const QJsonArray& gpus) {
  QJsonObject status = object(status_text);
  status["engine"] = QJsonObject{{"devices", gpus}};
  return status;
}

class SettingsWindowTest : public TrayTest {
 protected:
  void start(const QJsonArray& settings) {
    daemon_ = std::make_unique<TestDaemon>(path("run/control.sock"));
    daemon_->results["status.subscribe"] = object(status_text);
    for (const char* method : {"settings.get", "settings.check", "settings.set"})
      daemon_->results[method] = answer(settings);
    daemon_->results["history.get"] = {};
    daemon_->results["hardware.subscribe"] = object(R"({"gpus":[{"id":"1","name":"A"},{"id":"2","name":"B"}]})");
  }
  void open() {
    worker_.start();
    ASSERT_TRUE(wait_for([&] { return worker_.status().has_value(); }));
    window_ = std::make_unique<SettingsWindow>(worker_);
    window_->setAttribute(Qt::WA_DeleteOnClose, false);
    window_->show();
    ASSERT_TRUE(wait_for([&] { return !window_->findChildren<SettingField*>().isEmpty(); }));
  }
  template <class T>
  T* editor(const char* key) {
    return window_->findChild<T*>(key);
  }
  QPushButton* save() {
    for (QPushButton* button : window_->findChildren<QPushButton*>()) {
      if (button->text() == "&Save") return button;
    }
    return nullptr;
  }
  // The sliders and spin boxes, by their names for screen readers, as the Tab key goes through them.
  QStringList keyboard_order() const {
    QStringList names;
    for (QWidget* at = window_->nextInFocusChain(); at != window_.get(); at = at->nextInFocusChain()) {
      if (qobject_cast<QSlider*>(at) || qobject_cast<QSpinBox*>(at)) names << at->accessibleName();
    }
    return names;
  }
  QSlider* slider_of(const QString& name) const {
    const auto sliders = window_->findChildren<QSlider*>();
    const auto found =
        std::find_if(sliders.begin(), sliders.end(), [&](const QSlider* one) { return one->accessibleName() == name; });
    return found == sliders.end() ? nullptr : *found;
  }
  bool says(const QString& text) const {
    const auto labels = window_->findChildren<QLabel*>();
    return std::any_of(labels.begin(), labels.end(), [&](const QLabel* label) { return label->text() == text; });
  }
  std::vector<QJsonObject> called(const QString& method) const {
    std::vector<QJsonObject> found;
    for (const QJsonObject& call : daemon_->calls) {
      if (call["method"] == method) found.push_back(call["params"].toObject()["values"].toObject());
    }
    return found;
  }

  std::unique_ptr<TestDaemon> daemon_;
  WorkerModel worker_{path("run/control.sock")};
  std::unique_ptr<SettingsWindow> window_;
};

TEST_F(SettingsWindowTest, WhatAnEditorCannotShowIsNotChangedByIt) {
  start({setting("worker.on_pause", "choice", "something new", {{"choices", QJsonArray({"migrate", "finish"})}}),
         setting("worker.max_gpu_percent", "integer", 900, {{"minimum", 1}, {"maximum", 100}}),
         setting("worker.threads", "integer", 3, {{"minimum", -1e300}, {"maximum", 10}}),
         setting("worker.max_vram_gb_each", "list", QJsonArray({"Vulkan0=6.3", "Vulkan1=2000", "Vulkan7=1"})),
         setting("worker.name", "text", "den")});
  open();
  QTest::keyClicks(editor<QLineEdit>("worker.name"), "s");
  ASSERT_TRUE(wait_for([&] { return save()->isEnabled(); }));
  QTest::mouseClick(save(), Qt::LeftButton);
  ASSERT_TRUE(wait_for([&] { return says("Saved."); }));
  EXPECT_EQ(called("settings.set").front(), (QJsonObject{{"worker.name", "dens"}}));
  // A slider that is moved says its own limit anew and leaves the others.
  auto* slider = window_->findChild<QSlider*>();
  QTest::keyClick(slider, Qt::Key_Left);
  ASSERT_TRUE(wait_for([&] { return save()->isEnabled(); }));
  EXPECT_EQ(called("settings.check").back(),
            (QJsonObject{{"worker.max_vram_gb_each", QJsonArray({"Vulkan1=2000", "Vulkan7=1", "Vulkan0=6"})}}));
}

TEST_F(SettingsWindowTest, AGpuThatIsFoundLaterGetsItsSlider) {
  start({setting("worker.max_vram_gb_each", "list", QJsonArray({"Vulkan1=5"})),
         setting("worker.max_gpu_percent", "integer", 50, {{"minimum", 1}, {"maximum", 100}})});
  daemon_->results["status.subscribe"] = status_with({gpu("Vulkan0", "A", 24e9)});
  open();
  const QString a = "Memory of A (Vulkan0) for GoGrid";
  const QString b = "Memory of B (Vulkan1) for GoGrid";
  QSlider* first = slider_of(a);
  ASSERT_TRUE(first);
  EXPECT_FALSE(slider_of(b));
  QTest::keyClick(first, Qt::Key_Left);
  daemon_->notify("status.changed", status_with({gpu("Vulkan0", "A", 24e9), gpu("Vulkan1", "B", 8e9)}));
  ASSERT_TRUE(wait_for([&] { return slider_of(b) && slider_of(b)->isVisible(); }));
  EXPECT_EQ(keyboard_order(), QStringList({a, b, "Highest GPU load, in percent"}));
  QSlider* second = slider_of(b);
  EXPECT_EQ(second->value(), 10);
  EXPECT_EQ(second->maximum(), 16);
  EXPECT_EQ(first->value(), 47);
  QTest::keyClick(second, Qt::Key_Left);
  // One that is gone keeps its slider.
  daemon_->notify("status.changed", status_with({gpu("Vulkan0", "A", 24e9)}));
  ASSERT_TRUE(wait_for([&] { return worker_.status()->devices.size() == 1; }));
  ASSERT_TRUE(wait_for([&] { return save()->isEnabled(); }));
  QTest::mouseClick(save(), Qt::LeftButton);
  ASSERT_TRUE(wait_for([&] { return says("Saved."); }));
  EXPECT_EQ(called("settings.set").back(),
            (QJsonObject{{"worker.max_vram_gb_each", QJsonArray({"Vulkan0=23.5", "Vulkan1=4.5"})}}));
}

TEST_F(SettingsWindowTest, WhatWasWantedOfAGpuIsNotWantedOfAnotherThatGetsItsName) {
  start({setting("worker.max_vram_gb_each", "list", QJsonArray({"Vulkan0=20"})),
         setting("worker.max_gpu_percent", "integer", 50, {{"minimum", 1}, {"maximum", 100}})});
  daemon_->results["status.subscribe"] = status_with({});
  open();
  const QString none = "GPUs show here once the worker has its engine and has found them.";
  const auto is_empty = [&] {
    const auto labels = window_->findChildren<QLabel*>();
    return std::any_of(labels.begin(), labels.end(),
                       [&](const QLabel* label) { return label->isVisible() && label->text() == none; });
  };
  ASSERT_TRUE(wait_for(is_empty));
  const QString a = "Memory of A (Vulkan0) for GoGrid";
  const QString b = "Memory of B (Vulkan0) for GoGrid";
  daemon_->notify("status.changed", status_with({gpu("Vulkan0", "A", 24e9)}));
  ASSERT_TRUE(wait_for([&] { return slider_of(a) && slider_of(a)->isVisible(); }));
  EXPECT_FALSE(is_empty());
  EXPECT_EQ(keyboard_order(), QStringList({a, "Highest GPU load, in percent"}));
  QTest::keyClick(slider_of(a), Qt::Key_Left);
  ASSERT_TRUE(wait_for([&] { return save()->isEnabled(); }));
  daemon_->notify("status.changed", status_with({gpu("Vulkan0", "B", 8e9)}));
  ASSERT_TRUE(wait_for([&] { return slider_of(b); }));
  EXPECT_FALSE(slider_of(a));
  EXPECT_EQ(slider_of(b)->value(), 16);
  EXPECT_FALSE(save()->isEnabled());
}

TEST_F(SettingsWindowTest, ARestartOfTheDaemonAndChangesElsewhereLeaveWhatIsNotSaved) {
  start({setting("worker.name", "text", "den"), setting("worker.schedule", "text", "sat"),
         setting("worker.cache_dir", "path", "/a")});
  open();
  editor<QLineEdit>("worker.name")->selectAll();
  QTest::keyClicks(editor<QLineEdit>("worker.name"), "attic");
  ASSERT_TRUE(wait_for([&] { return save()->isEnabled(); }));
  daemon_.reset();
  ASSERT_TRUE(wait_for([&] { return !worker_.status(); }));
  EXPECT_FALSE(save()->isEnabled());
  start({setting("worker.name", "text", "cellar"), setting("worker.schedule", "text", "sun"),
         setting("worker.cache_dir", "path", "/b", {{"origin", "environment"}, {"set_by", "X"}})});
  ASSERT_TRUE(wait_for([&] { return save()->isEnabled(); }));
  EXPECT_EQ(editor<QLineEdit>("worker.name")->text(), "attic");
  EXPECT_EQ(editor<QLineEdit>("worker.schedule")->text(), "sun");
  EXPECT_EQ(editor<QLineEdit>("worker.cache_dir")->text(), "/b");
  EXPECT_FALSE(editor<QLineEdit>("worker.cache_dir")->isEnabled());
  EXPECT_EQ(called("settings.check").back(), (QJsonObject{{"worker.name", "attic"}}));
}

TEST_F(SettingsWindowTest, ComingBackToItShowsWhatWasChangedMeanwhile) {
  start({setting("worker.name", "text", "den")});
  open();
  window_->activateWindow();
  ASSERT_TRUE(wait_for([&] { return window_->isActiveWindow(); }));
  QWidget other;
  other.show();
  other.activateWindow();
  ASSERT_TRUE(wait_for([&] { return !window_->isActiveWindow(); }));
  daemon_->results["settings.get"] = answer({setting("worker.name", "text", "attic")});
  window_->activateWindow();
  EXPECT_TRUE(wait_for([&] { return editor<QLineEdit>("worker.name")->text() == "attic"; }));
}

TEST_F(SettingsWindowTest, TheWheelScrollsThePageAndChangesOnlyWhatHasTheFocus) {
  start({setting("worker.max_gpu_percent", "integer", 50, {{"minimum", 1}, {"maximum", 100}})});
  open();
  auto* box = editor<QSpinBox>("worker.max_gpu_percent");
  const auto turn = [box] {
    QWheelEvent event(QPointF(5, 5), box->mapToGlobal(QPointF(5, 5)), {}, {0, 120}, Qt::NoButton, {}, Qt::NoScrollPhase,
                      false);
    QCoreApplication::sendEvent(box, &event);
  };
  turn();
  EXPECT_EQ(box->value(), 50);
  window_->activateWindow();
  box->setFocus();
  ASSERT_TRUE(wait_for([&] { return box->hasFocus(); }));
  turn();
  EXPECT_EQ(box->value(), 51);
}

TEST_F(SettingsWindowTest, WhatIsWrongIsToldToScreenReadersToo) {
  start({setting("worker.schedule", "text", "sat")});
  open();
  daemon_->results.remove("settings.check");
  daemon_->errors["settings.check"] = object(
      R"({"code":-32602,"message":"worker.schedule: no such day","data":{"code":"invalid_argument","key":"worker.schedule"}})");
  auto* line = editor<QLineEdit>("worker.schedule");
  QTest::keyClicks(line, "x");
  ASSERT_TRUE(wait_for([&] {
    return QAccessible::queryAccessibleInterface(line)
        ->text(QAccessible::Description)
        .startsWith("The schedule cannot be used: no such day");
  }));
  EXPECT_FALSE(save()->isEnabled());
}

TEST_F(SettingsWindowTest, WhatIsWrongBesideAValueIsSaidAsTheDaemonSaysIt) {
  start({setting("worker.cache_dir", "path", "/a")});
  open();
  daemon_->results.remove("settings.check");
  const auto refuses = [this](const char* code, const char* message) {
    daemon_->errors["settings.check"] = {
        {"code", -32602}, {"message", message}, {"data", QJsonObject{{"code", code}, {"key", "worker.cache_dir"}}}};
  };
  auto* line = editor<QLineEdit>("worker.cache_dir");
  const auto is_told = [line](const char* fault) {
    return wait_for([line, fault] {
      return QAccessible::queryAccessibleInterface(line)->text(QAccessible::Description).startsWith(fault);
    });
  };
  refuses("invalid_argument", "worker.cache_dir: no");
  QTest::keyClicks(line, "x");
  EXPECT_TRUE(is_told("It must be a whole path"));
  refuses("not_found", "there is no such setting");
  QTest::keyClicks(line, "x");
  EXPECT_TRUE(is_told("there is no such setting"));
}

TEST_F(SettingsWindowTest, EverythingThatTakesTheFocusHasAName) {
  start({setting("worker.name", "text", "den"), setting("worker.schedule", "text", "sat"),
         setting("worker.pause_on_activity", "boolean", true),
         setting("worker.max_gpu_percent", "integer", 50, {{"minimum", 1}, {"maximum", 100}}),
         setting("worker.max_vram_gb_each", "list", QJsonArray()), setting("worker.invented", "list", QJsonArray()),
         setting("worker.on_pause", "choice", "finish", {{"choices", QJsonArray({"migrate", "finish"})}})});
  open();
  TrayMenu menu(worker_);
  StatusWindow status(worker_, menu);
  StatisticsWindow statistics(worker_);
  statistics.setAttribute(Qt::WA_DeleteOnClose, false);
  SetupWizard wizard(Place{path(""), true, "/none"});
  wizard.setAttribute(Qt::WA_DeleteOnClose, false);
  ASSERT_TRUE(wait_for([&] { return statistics.findChild<QComboBox*>()->count() == 2; }));
  int seen = 0;
  for (QWidget* window : {static_cast<QWidget*>(window_.get()), static_cast<QWidget*>(&status),
                          static_cast<QWidget*>(&statistics), static_cast<QWidget*>(&wizard)}) {
    for (QWidget* widget : window->findChildren<QWidget*>()) {
      // A spin box has its line inside, a combo box its list, which are no fields of their own.
      if (!(widget->focusPolicy() & Qt::TabFocus) || widget->window() != window ||
          qobject_cast<QAbstractSpinBox*>(widget->parent()))
        continue;
      ++seen;
      // A combo box's own name is what is chosen; its label is found by a relation.
      if (qobject_cast<QComboBox*>(widget)) {
        EXPECT_FALSE(QAccessible::queryAccessibleInterface(widget)->relations(QAccessible::Label).isEmpty())
            << window->windowTitle().toStdString() << ": " << widget->objectName().toStdString();
      }
      EXPECT_FALSE(QAccessible::queryAccessibleInterface(widget)->text(QAccessible::Name).isEmpty())
          << window->windowTitle().toStdString() << ": " << widget->metaObject()->className() << " "
          << widget->objectName().toStdString();
    }
  }
  EXPECT_GT(seen, 25);
}

}  // namespace
}  // namespace gogrid::tray
