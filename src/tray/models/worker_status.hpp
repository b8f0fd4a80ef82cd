// What the worker daemon says of itself, as the tray reads it, and what an owner should see of it: one mood, one
// sentence, what else there is to know, what runs. Pure; any thread.
#pragma once

#include <QCoreApplication>
#include <QDateTime>
#include <QJsonObject>
#include <QString>
#include <QStringList>
#include <optional>
#include <vector>

namespace gogrid::tray {

// Why work is paused.
struct Pause {
  QString code;
  // The daemon's sentence, in English.
  QString text;
  std::optional<QDateTime> until;
  // What it stops: empty the whole machine, "cpu" what runs on the processor, otherwise a GPU by its id.
  QString part;
  // Parts that go on all the same.
  QStringList except;
};

struct Device {
  // "Vulkan0"
  QString name;
  // As pauses name it: the GPU's id, or `name` where that is not known.
  QString part;
  QString description;
  qint64 total_bytes = 0;
  qint64 limit_bytes = 0;
};

struct ReplicaState {
  QString model_name;
  QString phase;
  QString detail;
  int slots_busy = 0;
  int slot_count = 0;
  qint64 done_bytes = 0;
  qint64 total_bytes = 0;
};

struct WorkerStatus {
  QString version;
  QString name;
  QString coordinator;
  bool is_connected = false;
  QString last_error;
  QString availability;
  QString reason;
  std::vector<Pause> pauses;
  std::vector<Device> devices;
  std::vector<ReplicaState> replicas;
  int requests_running = 0;
  // The settings ask whether the owner is there, and nothing tells.
  bool is_activity_unknown = false;
  // The daemon's texts, in English: why nothing tells; what is wrong with the settings file; why the computer is not
  // kept awake. Empty: nothing is.
  QString activity_detail;
  QString config_error;
  QString awake_failure;
};

WorkerStatus read_status(const QJsonObject& status);

enum class Mood { idle, working, paused, offline, error };

struct Headline {
  Mood mood = Mood::offline;
  QString text;
};

class StatusWords {
  Q_DECLARE_TR_FUNCTIONS(StatusWords)

 public:
  // Paused: nothing of the machine may work.
  static Headline headline(const WorkerStatus& status, const QDateTime& now);
  // A line for each part of the machine that is paused while others are not, and for each thing that is wrong.
  static QStringList notes(const WorkerStatus& status);
  // "Paused: you are using the computer"
  static QString paused(const Pause& pause, const QDateTime& now);
  // "you are using the computer", by the code; the code itself where it is a new one.
  static QString reason(const QString& code);
  // The same of a pause that holds; a new one's as the daemon says it.
  static QString reason(const Pause& pause);
  // A line for each model: what it does. Of many, how many more there are.
  static QStringList running(const WorkerStatus& status);

 private:
  // "GeForce RTX 4090", by what pauses call it.
  static QString part_name(const WorkerStatus& status, const QString& part);
};

}  // namespace gogrid::tray
