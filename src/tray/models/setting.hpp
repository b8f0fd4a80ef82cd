// Settings as the worker daemon describes them, and how the tray's settings window shows them: on which page, under
// which name, as which text. Pure; any thread.
#pragma once

#include <QCoreApplication>
#include <QJsonObject>
#include <QJsonValue>
#include <QString>
#include <QStringList>
#include <optional>
#include <vector>

namespace gogrid::tray {

struct SettingState {
  QString key;
  // boolean, integer, number, text, path, duration, list or choice
  QString kind;
  QJsonValue value;
  QJsonValue default_value;
  // default, file, environment or flag
  QString origin;
  QString set_by;
  QString help;
  QString expected;
  QStringList choices;
  std::optional<double> minimum;
  std::optional<double> maximum;
  // 0 is allowed, however high the minimum is.
  bool or_zero = false;
  bool applies_at_restart = false;

  // The file does not decide it.
  bool is_locked() const { return origin == "environment" || origin == "flag"; }
};

struct SettingsState {
  QString file;
  // What is wrong with the file; empty: nothing.
  QString error;
  std::vector<SettingState> settings;

  const SettingState* find(const QString& key) const;
};

SettingsState read_settings(const QJsonObject& answer);

enum class Page { gpu, activity, schedule, network, limits, general, advanced };

class SettingWords {
  Q_DECLARE_TR_FUNCTIONS(SettingWords)

 public:
  static Page page(const QString& key);
  static QString page_name(Page page);
  // Of a key that this version does not know: the key.
  static QString label(const QString& key);
  // In the owner's language where this version knows the key, else the daemon's.
  static QString help(const SettingState& setting);
  // A word of a setting that is a choice.
  static QString choice(const QString& word);
  // What is wrong with a value that the daemon refuses, which `said` why: in the owner's language where the setting's
  // description tells as much.
  static QString fault(const SettingState& setting, const QString& said);
  // Why it cannot be changed here; empty: it can.
  static QString lock(const SettingState& setting);
};

// A value as a person types it, and back. An empty text is null: the default. What cannot be one becomes a text, and
// the daemon says what it should have been.
QString value_text(const SettingState& setting, const QJsonValue& value);
QJsonValue text_value(const SettingState& setting, const QString& text);

// worker.max_vram_gb_each, "Vulkan0=6"; what is no such entry is left out.
struct VramLimit {
  QString device;
  double gigabytes = 0;
};
std::vector<VramLimit> read_vram_limits(const QJsonValue& list);

}  // namespace gogrid::tray
