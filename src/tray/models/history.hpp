// What the worker has done (history.get) and what its hardware does (hardware.subscribe), as the statistics window
// shows them. Pure; any thread.
#pragma once

#include <QCoreApplication>
#include <QDate>
#include <QJsonObject>
#include <QString>
#include <optional>
#include <utility>
#include <vector>

namespace gogrid::tray {

struct Sums {
  qint64 jobs = 0;
  qint64 tokens = 0;
  qint64 given_seconds = 0;
};

struct PausedFor {
  QString code;
  qint64 seconds = 0;
};

// One look at the GPUs; nullopt: not known.
struct GpuSample {
  qint64 at = 0;
  std::optional<double> gpu_percent;
  std::optional<double> vram_bytes;
  std::optional<double> temperature_celsius;
  std::optional<double> power_watts;
};

struct History {
  Sums today;
  Sums week;
  Sums all;
  // Of the last seven days, the longest first.
  std::vector<PausedFor> pauses;
  // The oldest first.
  std::vector<GpuSample> samples;
};

// The week is `today` and the six days before.
History read_history(const QJsonObject& answer, QDate today);

struct GpuNow {
  QString id;
  QString name;
  double total_bytes = 0;
  GpuSample sample;
};

std::vector<GpuNow> read_hardware(const QJsonObject& survey, qint64 now);

class Amounts {
  Q_DECLARE_TR_FUNCTIONS(Amounts)

 public:
  // "3 h 20 min"
  static QString time(qint64 seconds);
  // "1,204", "3.4 million"
  static QString count(qint64 number);
};

}  // namespace gogrid::tray
