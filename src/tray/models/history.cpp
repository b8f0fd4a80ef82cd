#include "tray/models/history.hpp"

#include <QJsonArray>
#include <QLocale>
#include <algorithm>
#include <map>

namespace gogrid::tray {
namespace {

constexpr int week_days = 7;
constexpr std::size_t max_samples = 2000;
constexpr int max_gpus = 32;
// As many as the window has room for.
constexpr std::size_t max_pauses = 20;
constexpr int max_code = 100;
// The sum of as many as a message has room for still fits.
constexpr qint64 max_amount = 100'000'000'000'000;

qint64 amount(const QJsonValue& value) { return std::clamp<qint64>(value.toInteger(), 0, max_amount); }

Sums read_sums(const QJsonObject& object) {
  return {amount(object["jobs"]), amount(object["tokens"]), amount(object["given_seconds"])};
}

void add(Sums& to, const Sums& sums) {
  to.jobs += sums.jobs;
  to.tokens += sums.tokens;
  to.given_seconds += sums.given_seconds;
}

std::optional<double> number_of(const QJsonValue& value) {
  return value.isDouble() ? std::optional(value.toDouble()) : std::nullopt;
}

GpuSample read_sample(const QJsonObject& object) {
  GpuSample sample;
  sample.at = object["at"].toInteger();
  sample.gpu_percent = number_of(object["gpu_percent"]);
  sample.vram_bytes = number_of(object["vram_bytes"]);
  sample.temperature_celsius = number_of(object["temperature_celsius"]);
  sample.power_watts = number_of(object["power_watts"]);
  return sample;
}

}  // namespace

History read_history(const QJsonObject& answer, QDate today) {
  History history;
  std::map<QString, qint64> paused;
  for (const auto& value : answer["days"].toArray()) {
    const QJsonObject day = value.toObject();
    const QDate date = QDate::fromString(day["date"].toString(), Qt::ISODate);
    const qint64 age = date.daysTo(today);
    if (!date.isValid() || age < 0 || age >= week_days) continue;
    const Sums sums = read_sums(day);
    if (age == 0) add(history.today, sums);
    add(history.week, sums);
    const QJsonObject reasons = day["paused_seconds"].toObject();
    for (auto reason = reasons.begin(); reason != reasons.end(); ++reason)
      paused[reason.key().left(max_code)] += amount(reason.value());
  }
  history.all = read_sums(answer["totals"].toObject());
  for (const auto& [code, seconds] : paused) {
    if (seconds > 0) history.pauses.push_back({code, seconds});
  }
  std::stable_sort(history.pauses.begin(), history.pauses.end(),
                   [](const PausedFor& one, const PausedFor& other) { return one.seconds > other.seconds; });
  history.pauses.resize(std::min(history.pauses.size(), max_pauses));
  for (const auto& sample : answer["samples"].toArray()) {
    if (history.samples.size() >= max_samples) break;
    history.samples.push_back(read_sample(sample.toObject()));
  }
  std::stable_sort(history.samples.begin(), history.samples.end(),
                   [](const GpuSample& one, const GpuSample& other) { return one.at < other.at; });
  return history;
}

std::vector<GpuNow> read_hardware(const QJsonObject& survey, qint64 now) {
  std::vector<GpuNow> gpus;
  for (const auto& value : survey["gpus"].toArray()) {
    if (gpus.size() >= max_gpus) break;
    const QJsonObject object = value.toObject();
    GpuNow gpu;
    gpu.id = object["id"].toString();
    gpu.name = object["name"].toString().left(200);
    if (gpu.name.isEmpty()) gpu.name = gpu.id.left(200);
    gpu.total_bytes = std::max(0.0, object["total_bytes"].toDouble());
    gpu.sample.at = now;
    gpu.sample.gpu_percent = number_of(object["utilisation_percent"]);
    gpu.sample.vram_bytes = number_of(object["used_bytes"]);
    gpu.sample.temperature_celsius = number_of(object["temperature_celsius"]);
    gpu.sample.power_watts = number_of(object["power_watts"]);
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

QString Amounts::time(qint64 seconds) {
  const QLocale locale;
  if (seconds < 60) return tr("%1 s").arg(seconds);
  if (seconds < 3600) return tr("%1 min").arg(seconds / 60);
  return tr("%1 h %2 min").arg(locale.toString(seconds / 3600)).arg(seconds % 3600 / 60);
}

QString Amounts::count(qint64 number) {
  const QLocale locale;
  if (number < 10'000'000) return locale.toString(number);
  return tr("%1 million").arg(locale.toString(static_cast<double>(number) / 1e6, 'f', 1));
}

}  // namespace gogrid::tray
