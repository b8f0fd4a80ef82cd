#include "tray/models/worker_status.hpp"

#include <QJsonArray>
#include <QLocale>
#include <algorithm>

namespace gogrid::tray {
namespace {

constexpr int max_text = 500;
constexpr int max_lines = 6;
// Of pauses, GPUs and the parts that a pause names.
constexpr int max_parts = 64;
constexpr const char* cpu_part = "cpu";

QString text_of(const QJsonObject& object, const char* key) {
  return object[QLatin1String(key)].toString().left(max_text);
}

Pause read_pause(const QJsonObject& value) {
  Pause pause;
  pause.code = text_of(value, "code");
  pause.part = text_of(value, "part");
  for (const auto& part : value["except"].toArray()) {
    if (pause.except.size() == max_parts) break;
    pause.except << part.toString().left(max_text);
  }
  pause.text = text_of(value, "text");
  if (value["until"].isDouble()) pause.until = QDateTime::fromSecsSinceEpoch(value["until"].toInteger());
  if (pause.until && !pause.until->time().isValid()) pause.until.reset();
  return pause;
}

Device read_device(const QJsonObject& value) {
  Device device;
  device.name = text_of(value, "name");
  device.part = value["gpu_id"].isString() ? text_of(value, "gpu_id") : device.name;
  device.description = text_of(value, "description");
  device.total_bytes = value["total_bytes"].toInteger();
  device.limit_bytes = value["limit_bytes"].toInteger();
  return device;
}

ReplicaState read_replica(const QJsonObject& value) {
  ReplicaState replica;
  replica.model_name = text_of(value, "model_name");
  replica.phase = text_of(value, "phase");
  replica.detail = text_of(value, "detail");
  replica.slots_busy = value["slots_busy"].toInt();
  replica.slot_count = value["slots"].toInt();
  replica.done_bytes = value["done_bytes"].toInteger();
  replica.total_bytes = value["total_bytes"].toInteger();
  return replica;
}

template <class T>
void read_list(const QJsonValue& list, std::vector<T>& out, T (*read)(const QJsonObject&)) {
  for (const auto& value : list.toArray()) {
    if (out.size() == std::size_t{max_parts}) break;
    out.push_back(read(value.toObject()));
  }
}

int percent(qint64 done, qint64 total) {
  return static_cast<int>(std::clamp(100.0 * static_cast<double>(done) / static_cast<double>(total), 0.0, 100.0));
}

QString clock_text(const QDateTime& until, const QDateTime& now) {
  const QLocale locale;
  QString time = locale.toString(until.time(), QLocale::ShortFormat);
  if (until.date() == now.date()) return time;
  return locale.toString(until.date(), "ddd") + " " + time;
}

bool is_of_machine(const Pause& pause) { return pause.part.isEmpty() && pause.except.isEmpty(); }

bool stops(const Pause& pause, const QString& part) {
  return pause.part.isEmpty() ? !pause.except.contains(part) : pause.part == part;
}

// The reason to tell of where nothing of the machine may work, for one reason or for several together; null: some of
// it may.
const Pause* machine_pause(const WorkerStatus& status) {
  const auto& pauses = status.pauses;
  const auto whole = std::find_if(pauses.begin(), pauses.end(), is_of_machine);
  if (whole != pauses.end()) return &*whole;
  QStringList parts{cpu_part};
  for (const Device& device : status.devices)
    parts << device.part;
  const bool is_all = std::all_of(parts.begin(), parts.end(), [&pauses](const QString& part) {
    return std::any_of(pauses.begin(), pauses.end(), [&part](const Pause& pause) { return stops(pause, part); });
  });
  return is_all ? &pauses.front() : nullptr;
}

QString with_detail(const QString& text, const QString& detail) {
  return detail.isEmpty() ? text : QString("%1: %2").arg(text, detail);
}

}  // namespace

WorkerStatus read_status(const QJsonObject& status) {
  WorkerStatus out;
  const QJsonObject coordinator = status["coordinator"].toObject();
  out.version = text_of(status, "version");
  out.name = text_of(status, "name");
  out.coordinator = text_of(coordinator, "address");
  out.is_connected = coordinator["connected"].toBool();
  out.last_error = text_of(coordinator, "last_error");
  out.availability = text_of(status, "availability");
  out.reason = text_of(status, "reason");
  read_list(status["pauses"], out.pauses, read_pause);
  read_list(status["engine"].toObject()["devices"], out.devices, read_device);
  for (const auto& replica : status["replicas"].toArray())
    out.replicas.push_back(read_replica(replica.toObject()));
  out.requests_running = status["requests"].toObject()["running"].toInt();
  const QJsonObject activity = status["activity"].toObject();
  out.is_activity_unknown = activity["wanted"].toBool() && text_of(activity, "state") == "unknown";
  out.activity_detail = text_of(activity, "detail");
  out.config_error = text_of(status, "config_error");
  out.awake_failure = text_of(status, "awake_failure");
  return out;
}

QString StatusWords::reason(const QString& code) {
  if (code == "by_owner") return tr("you paused it");
  if (code == "going_to_sleep") return tr("the computer is going to sleep");
  if (code == "update_pending") return tr("an update is about to be installed");
  if (code == "outside_schedule") return tr("outside the hours that you allow");
  if (code == "on_battery") return tr("the computer runs on battery");
  if (code == "too_hot") return tr("the GPU is too hot");
  if (code == "user_active") return tr("you are using the computer");
  if (code == "exclusive_app") return tr("an app from your list is running");
  if (code == "full_screen") return tr("an app fills the screen");
  if (code == "gpu_in_use") return tr("another program uses the GPU");
  if (code == "cpu_busy") return tr("the processor is busy");
  if (code == "memory_short") return tr("memory is short");
  if (code == "metered_network") return tr("the network costs by use");
  if (code == "low_disk") return tr("the disk is nearly full");
  if (code == "activity_unknown") return tr("nothing tells whether you use the computer");
  return code;
}

QString StatusWords::paused(const Pause& pause, const QDateTime& now) {
  if (pause.code == "by_owner" && pause.until) return tr("Paused by you until %1").arg(clock_text(*pause.until, now));
  if (pause.code == "by_owner") return tr("Paused by you");
  return tr("Paused: %1").arg(reason(pause));
}

QString StatusWords::reason(const Pause& pause) {
  // Of hours that come it is known when.
  if (pause.code == "outside_schedule" && !pause.until) return tr("the schedule never allows work");
  const QString known = reason(pause.code);
  return known == pause.code && !pause.text.isEmpty() ? pause.text : known;
}

Headline StatusWords::headline(const WorkerStatus& status, const QDateTime& now) {
  if (status.availability == "refusing") return {Mood::error, tr("Cannot work: %1").arg(status.reason)};
  if (status.availability == "draining") return {Mood::working, tr("Finishing what runs, then stopping")};
  if (const Pause* pause = machine_pause(status)) return {Mood::paused, paused(*pause, now)};
  if (status.availability == "paused")
    return {Mood::paused, status.reason.isEmpty() ? tr("Paused") : tr("Paused: %1").arg(status.reason)};
  if (!status.is_connected) {
    if (status.last_error.isEmpty()) return {Mood::offline, tr("Connecting to %1").arg(status.coordinator)};
    return {Mood::offline, tr("No connection to %1").arg(status.coordinator)};
  }
  if (status.requests_running == 1) return {Mood::working, tr("Working on one request")};
  if (status.requests_running > 1) return {Mood::working, tr("Working on %1 requests").arg(status.requests_running)};
  const auto failed = std::find_if(status.replicas.begin(), status.replicas.end(),
                                   [](const ReplicaState& replica) { return replica.phase == "failed"; });
  if (failed != status.replicas.end()) return {Mood::error, tr("%1 does not start").arg(failed->model_name)};
  return {Mood::idle, tr("Ready, nothing to do")};
}

QString StatusWords::part_name(const WorkerStatus& status, const QString& part) {
  if (part == cpu_part) return tr("the processor");
  const auto is_it = [&part](const Device& device) { return device.part == part; };
  const auto device = std::find_if(status.devices.begin(), status.devices.end(), is_it);
  if (device == status.devices.end()) return part;
  const auto same = std::count_if(status.devices.begin(), status.devices.end(),
                                  [&](const Device& other) { return other.description == device->description; });
  if (same == 1) return device->description;
  return QString("%1 (%2)").arg(device->description, device->name).left(max_text);
}

QStringList StatusWords::notes(const WorkerStatus& status) {
  QStringList lines;
  const bool is_paused = machine_pause(status) != nullptr;
  if (is_paused && status.requests_running > 0) lines << tr("What runs is finished first");
  for (const Pause& pause : status.pauses) {
    if (is_paused || lines.size() == max_lines) break;
    QStringList names;
    for (const QString& part : pause.except)
      names << part_name(status, part);
    lines << (pause.part.isEmpty() ? tr("Paused except on %1: %2").arg(names.join(", ").left(max_text), reason(pause))
                                   : tr("Paused on %1: %2").arg(part_name(status, pause.part), reason(pause)));
  }
  const bool is_told = std::any_of(status.pauses.begin(), status.pauses.end(),
                                   [](const Pause& pause) { return pause.code == "activity_unknown"; });
  if (status.is_activity_unknown && !is_told)
    lines << with_detail(tr("It cannot see whether you use the computer (Settings, Activity)"), status.activity_detail);
  if (!status.config_error.isEmpty())
    lines << with_detail(tr("The settings file is wrong and not in force"), status.config_error);
  if (!status.awake_failure.isEmpty()) lines << with_detail(tr("The computer is not kept awake"), status.awake_failure);
  return lines;
}

QStringList StatusWords::running(const WorkerStatus& status) {
  QStringList lines;
  for (const ReplicaState& replica : status.replicas) {
    if (lines.size() == max_lines) {
      lines << tr("and %1 more").arg(status.replicas.size() - max_lines);
      break;
    }
    QString what = replica.phase;
    if (replica.phase == "ready" && replica.slots_busy == 0) what = tr("ready");
    if (replica.phase == "ready" && replica.slots_busy > 0)
      what = tr("answers %1 of at most %2").arg(replica.slots_busy).arg(replica.slot_count);
    if (replica.phase == "fetching" && replica.total_bytes > 0)
      what = tr("is fetched, %1 %").arg(percent(replica.done_bytes, replica.total_bytes));
    if (replica.phase == "fetching" && replica.total_bytes <= 0) what = tr("is fetched");
    if (replica.phase == "loading") what = tr("is loaded into memory");
    if (replica.phase == "waiting") what = tr("waits");
    if (replica.phase == "failed") what = tr("failed");
    if (replica.phase == "leaving") what = tr("leaves the memory");
    lines.append(QString("%1: %2").arg(replica.model_name, what));
  }
  return lines;
}

}  // namespace gogrid::tray
