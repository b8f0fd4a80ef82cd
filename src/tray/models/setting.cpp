#include "tray/models/setting.hpp"

#include <QJsonArray>
#include <QLocale>
#include <cmath>

namespace gogrid::tray {
namespace {

struct Known {
  const char* key;
  Page page;
  const char* label;
  // Empty: the label says it all.
  const char* help;
};

constexpr Known known[] = {
    {"worker.max_vram_gb", Page::gpu, QT_TRANSLATE_NOOP("SettingWords", "GPU memory for GoGrid, in GB"),
     QT_TRANSLATE_NOOP("SettingWords", "Of all GPUs together. Empty: all they have. 0: use no GPU.")},
    {"worker.max_vram_gb_each", Page::gpu, QT_TRANSLATE_NOOP("SettingWords", "GPU memory for GoGrid, by GPU"), ""},
    {"worker.max_gpu_percent", Page::gpu, QT_TRANSLATE_NOOP("SettingWords", "Highest GPU load, in percent"),
     QT_TRANSLATE_NOOP("SettingWords", "GoGrid rests in between, so that it uses no more than this over time.")},
    {"worker.max_temperature_c", Page::gpu, QT_TRANSLATE_NOOP("SettingWords", "Highest GPU temperature, in °C"),
     QT_TRANSLATE_NOOP("SettingWords", "Hotter than this, work is paused until the GPU has cooled down. 0: never.")},
    {"worker.gpu_busy_percent", Page::gpu, QT_TRANSLATE_NOOP("SettingWords", "Leave a GPU that others use, in percent"),
     QT_TRANSLATE_NOOP("SettingWords", "From so much of its time on. 0: never.")},
    {"worker.software_gpus", Page::advanced, QT_TRANSLATE_NOOP("SettingWords", "Software GPUs"),
     QT_TRANSLATE_NOOP("SettingWords", "Slow ones, to try things out on a computer without a GPU.")},
    {"worker.engine_path", Page::advanced, QT_TRANSLATE_NOOP("SettingWords", "A program of mine as the engine"),
     QT_TRANSLATE_NOOP("SettingWords", "A llama-server on this computer, instead of the coordinator's.")},
    {"worker.engine_start_timeout", Page::advanced,
     QT_TRANSLATE_NOOP("SettingWords", "How long an engine may take to start"), ""},
    {"worker.engine_hang_timeout", Page::advanced,
     QT_TRANSLATE_NOOP("SettingWords", "How long an engine may give no sign of life"),
     QT_TRANSLATE_NOOP("SettingWords", "Then it is started again.")},
    {"log.level", Page::advanced, QT_TRANSLATE_NOOP("SettingWords", "How much is logged"), ""},
    {"log.format", Page::advanced, QT_TRANSLATE_NOOP("SettingWords", "How log lines are written"), ""},
    {"worker.preset", Page::activity, QT_TRANSLATE_NOOP("SettingWords", "Manners"),
     QT_TRANSLATE_NOOP("SettingWords", "Sets everything that you do not set yourself.")},
    {"worker.pause_on_activity", Page::activity, QT_TRANSLATE_NOOP("SettingWords", "Pause while I use the computer"),
     ""},
    {"worker.idle_after_seconds", Page::activity, QT_TRANSLATE_NOOP("SettingWords", "Seconds until I am away"),
     QT_TRANSLATE_NOOP("SettingWords", "So long after the last key or movement work goes on.")},
    {"worker.when_activity_unknown", Page::activity,
     QT_TRANSLATE_NOOP("SettingWords", "When nothing tells whether I am here"), ""},
    {"worker.work_while_active", Page::activity,
     QT_TRANSLATE_NOOP("SettingWords", "What goes on while I use the computer"),
     QT_TRANSLATE_NOOP("SettingWords", "cpu, and GPUs by their ids, separated by commas.")},
    {"worker.pause_on_full_screen", Page::activity,
     QT_TRANSLATE_NOOP("SettingWords", "Pause while a program fills the screen"), ""},
    {"worker.pause_on_pressure", Page::activity,
     QT_TRANSLATE_NOOP("SettingWords", "Pause while other programs wait for the computer"), ""},
    {"worker.exclusive_apps", Page::activity, QT_TRANSLATE_NOOP("SettingWords", "Pause while these apps run"),
     QT_TRANSLATE_NOOP("SettingWords", "Names of programs, separated by commas: blender, steam")},
    {"worker.on_pause", Page::activity, QT_TRANSLATE_NOOP("SettingWords", "What runs when a pause begins"), ""},
    {"worker.schedule", Page::schedule, QT_TRANSLATE_NOOP("SettingWords", "Hours in which work is allowed"),
     QT_TRANSLATE_NOOP("SettingWords",
                       "Days, hours or both, separated by semicolons: mon-fri 18:00-08:00; sat,sun. "
                       "Empty: always.")},
    {"worker.on_battery", Page::schedule, QT_TRANSLATE_NOOP("SettingWords", "On battery"), ""},
    {"coordinator.host", Page::network, QT_TRANSLATE_NOOP("SettingWords", "Coordinator"),
     QT_TRANSLATE_NOOP("SettingWords", "Its name or address. Empty: the one that this computer joined.")},
    {"coordinator.port", Page::network, QT_TRANSLATE_NOOP("SettingWords", "Coordinator's port"), ""},
    {"worker.lease_grace", Page::network, QT_TRANSLATE_NOOP("SettingWords", "Go on without a connection for"), ""},
    {"worker.on_metered_network", Page::network, QT_TRANSLATE_NOOP("SettingWords", "On a metered network"), ""},
    {"worker.max_memory_gb", Page::limits, QT_TRANSLATE_NOOP("SettingWords", "Memory for GoGrid, in GB"),
     QT_TRANSLATE_NOOP("SettingWords", "0: what the computer has, less a reserve.")},
    {"worker.max_cpu_percent", Page::limits, QT_TRANSLATE_NOOP("SettingWords", "Processor time for GoGrid, in percent"),
     QT_TRANSLATE_NOOP("SettingWords", "Of all processors together. 0: as much as nobody else needs.")},
    {"worker.engine_priority", Page::limits, QT_TRANSLATE_NOOP("SettingWords", "Priority of engines"), ""},
    {"worker.threads", Page::limits, QT_TRANSLATE_NOOP("SettingWords", "Processor threads for a model"),
     QT_TRANSLATE_NOOP("SettingWords", "0: as many as suit it.")},
    {"worker.max_cache_gb", Page::limits, QT_TRANSLATE_NOOP("SettingWords", "Disk space for models, in GB"),
     QT_TRANSLATE_NOOP("SettingWords", "0: all but what stays free for others.")},
    {"worker.min_free_disk_gb", Page::limits, QT_TRANSLATE_NOOP("SettingWords", "Disk space that stays free, in GB"),
     QT_TRANSLATE_NOOP("SettingWords", "Below it, work is paused.")},
    {"worker.cache_dir", Page::limits, QT_TRANSLATE_NOOP("SettingWords", "Folder for models"),
     QT_TRANSLATE_NOOP("SettingWords", "Empty: beside GoGrid's own files.")},
    {"worker.drain_timeout", Page::limits, QT_TRANSLATE_NOOP("SettingWords", "When stopped, finish what runs for"), ""},
    {"worker.keep_awake", Page::general, QT_TRANSLATE_NOOP("SettingWords", "Keep the computer awake while it works"),
     ""},
    {"worker.name", Page::general, QT_TRANSLATE_NOOP("SettingWords", "Name of this computer"),
     QT_TRANSLATE_NOOP("SettingWords", "What the coordinator calls it. Empty: its own name.")},
};

struct Choice {
  const char* word;
  const char* text;
};

constexpr Choice choices[] = {
    {"conservative", QT_TRANSLATE_NOOP("SettingWords", "Cautious: never in the way")},
    {"default", QT_TRANSLATE_NOOP("SettingWords", "Balanced")},
    {"aggressive", QT_TRANSLATE_NOOP("SettingWords", "Eager: works whenever it can")},
    {"dedicated", QT_TRANSLATE_NOOP("SettingWords", "Dedicated: nobody else uses this computer")},
    {"idle", QT_TRANSLATE_NOOP("SettingWords", "After all other programs")},
    {"normal", QT_TRANSLATE_NOOP("SettingWords", "As other programs")},
    {"migrate", QT_TRANSLATE_NOOP("SettingWords", "Goes on at another machine")},
    {"finish", QT_TRANSLATE_NOOP("SettingWords", "Is finished first")},
    {"pause", QT_TRANSLATE_NOOP("SettingWords", "Pause")},
    {"work", QT_TRANSLATE_NOOP("SettingWords", "Work")},
};

const Known* find_known(const QString& key) {
  for (const Known& one : known) {
    if (key == QLatin1String(one.key)) return &one;
  }
  return nullptr;
}

std::optional<double> number_of(const QJsonValue& value) {
  return value.isDouble() ? std::optional(value.toDouble()) : std::nullopt;
}

SettingState read_setting(const QJsonObject& object) {
  SettingState setting;
  setting.key = object["key"].toString();
  setting.kind = object["kind"].toString();
  setting.value = object["value"];
  setting.default_value = object["default"];
  setting.origin = object["origin"].toString();
  setting.set_by = object["set_by"].toString();
  setting.help = object["help"].toString();
  setting.expected = object["expected"].toString();
  for (const auto& choice : object["choices"].toArray())
    setting.choices << choice.toString();
  setting.minimum = number_of(object["minimum"]);
  setting.maximum = number_of(object["maximum"]);
  setting.or_zero = object["or_zero"].toBool();
  setting.applies_at_restart = object["applies"].toString() == "at_restart";
  return setting;
}

QString number_text(double number) { return QString::number(number, 'g', 12); }

// As the owner would write it; of a duration in its largest whole unit.
QString limit_text(const SettingState& setting, double limit) {
  if (setting.kind != "duration") {
    QLocale locale;
    // text_value() would not understand them.
    locale.setNumberOptions(QLocale::OmitGroupSeparator);
    return locale.toString(limit, 'g', 12);
  }
  constexpr double minute = 60, hour = 3600;
  if (limit >= hour && std::fmod(limit, hour) == 0) return number_text(limit / hour) + "h";
  if (limit >= minute && std::fmod(limit, minute) == 0) return number_text(limit / minute) + "m";
  return number_text(limit) + "s";
}

}  // namespace

const SettingState* SettingsState::find(const QString& key) const {
  for (const SettingState& setting : settings) {
    if (setting.key == key) return &setting;
  }
  return nullptr;
}

SettingsState read_settings(const QJsonObject& answer) {
  SettingsState state;
  state.file = answer["file"].toString();
  state.error = answer["error"].toString();
  for (const auto& setting : answer["settings"].toArray())
    state.settings.push_back(read_setting(setting.toObject()));
  return state;
}

Page SettingWords::page(const QString& key) {
  const Known* one = find_known(key);
  return one ? one->page : Page::advanced;
}

QString SettingWords::page_name(Page page) {
  switch (page) {
    case Page::gpu:
      return tr("GPU");
    case Page::activity:
      return tr("Activity");
    case Page::schedule:
      return tr("Schedule");
    case Page::network:
      return tr("Network");
    case Page::limits:
      return tr("Limits");
    case Page::general:
      return tr("General");
    case Page::advanced:
      return tr("Advanced");
  }
  return {};
}

QString SettingWords::label(const QString& key) {
  const Known* one = find_known(key);
  return one ? tr(one->label) : key;
}

QString SettingWords::help(const SettingState& setting) {
  const Known* one = find_known(setting.key);
  if (!one) return setting.help;
  return *one->help ? tr(one->help) : QString();
}

QString SettingWords::choice(const QString& word) {
  for (const Choice& one : choices) {
    if (word == QLatin1String(one.word)) return tr(one.text);
  }
  return word;
}

QString SettingWords::fault(const SettingState& setting, const QString& said) {
  const QString about = setting.key + ": ";
  if (setting.key == "worker.schedule" && said.startsWith(about))
    return tr("The schedule cannot be used: %1").arg(said.mid(about.size()));
  if (setting.kind == "path") return tr("It must be a whole path, from / or ~/ on.");
  const QString low = setting.minimum ? limit_text(setting, *setting.minimum) : QString();
  const QString high = setting.maximum ? limit_text(setting, *setting.maximum) : QString();
  if (setting.kind == "duration") {
    if (setting.minimum && setting.maximum)
      return tr("It must be a time from %1 to %2, such as 30s or 5m.").arg(low, high);
    if (setting.minimum) return tr("It must be a time of at least %1, such as 30s or 5m.").arg(low);
    if (setting.maximum) return tr("It must be a time of at most %1, such as 30s or 5m.").arg(high);
    return tr("It must be a time, such as 30s or 5m.");
  }
  if (!setting.minimum || !setting.maximum) return said;
  if (setting.or_zero) return tr("It must be 0, or a number from %1 to %2.").arg(low, high);
  if (setting.kind == "integer") return tr("It must be a whole number from %1 to %2.").arg(low, high);
  if (setting.kind == "number") return tr("It must be a number from %1 to %2.").arg(low, high);
  return said;
}

QString SettingWords::lock(const SettingState& setting) {
  if (setting.origin == "environment")
    return tr("Set by the variable %1; it cannot be changed here.").arg(setting.set_by);
  if (setting.origin == "flag")
    return tr("Set when the worker was started, by %1; it cannot be changed here.").arg(setting.set_by);
  return {};
}

QString value_text(const SettingState& setting, const QJsonValue& value) {
  if (value.isNull() || value.isUndefined()) return {};
  if (value.isBool()) return value.toBool() ? "true" : "false";
  if (value.isDouble()) return number_text(value.toDouble()) + (setting.kind == "duration" ? "s" : "");
  if (value.isArray()) {
    QStringList parts;
    for (const auto& part : value.toArray())
      parts << (part.isDouble() ? number_text(part.toDouble()) : part.toString());
    return parts.join(", ");
  }
  return value.toString();
}

QJsonValue text_value(const SettingState& setting, const QString& text) {
  const QString plain = text.trimmed();
  if (plain.isEmpty()) return QJsonValue::Null;
  if (setting.kind == "integer" || setting.kind == "number") {
    bool good = false;
    double number = plain.toDouble(&good);
    // As it is written where the owner lives.
    if (!good) number = QLocale().toDouble(plain, &good);
    if (good) return number;
  }
  if (setting.kind == "list") {
    QJsonArray parts;
    for (const QString& part : plain.split(',', Qt::SkipEmptyParts)) {
      if (!part.trimmed().isEmpty()) parts.append(part.trimmed());
    }
    return parts;
  }
  return plain;
}

std::vector<VramLimit> read_vram_limits(const QJsonValue& list) {
  std::vector<VramLimit> limits;
  for (const auto& entry : list.toArray()) {
    const QString text = entry.toString();
    const qsizetype sign = text.lastIndexOf('=');
    bool good = false;
    const double gigabytes = text.mid(sign + 1).trimmed().toDouble(&good);
    if (sign > 0 && good && std::isfinite(gigabytes) && gigabytes >= 0)
      limits.push_back({text.left(sign).trimmed(), gigabytes});
  }
  return limits;
}

}  // namespace gogrid::tray
