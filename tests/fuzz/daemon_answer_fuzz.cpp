// What a worker's daemon says on its control socket, as the tray and the command line read it: whatever it is, it is
// read or refused, and what the tray makes of it stays within what a screen has room for.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

#include "client/read_json.hpp"
#include "tray/connection/rpc.hpp"
#include "tray/models/history.hpp"
#include "tray/models/setting.hpp"
#include "tray/models/worker_status.hpp"
#include "wire/json_rpc.hpp"

using namespace gogrid;

namespace {

constexpr qint64 now = 1'795'953'600;
constexpr qsizetype max_line_characters = 1200;

void check(bool holds) {
  if (!holds) std::abort();
}

bool is_number(const std::optional<double>& value) { return !value || std::isfinite(*value); }

void check_sample(const tray::GpuSample& sample) {
  check(is_number(sample.gpu_percent) && is_number(sample.vram_bytes));
  check(is_number(sample.temperature_celsius) && is_number(sample.power_watts));
}

void show_status(const QJsonObject& object) {
  const tray::WorkerStatus status = tray::read_status(object);
  const QDateTime when = QDateTime::fromSecsSinceEpoch(now, Qt::UTC);
  const tray::Headline headline = tray::StatusWords::headline(status, when);
  check(!headline.text.isEmpty() && headline.text.size() <= max_line_characters);
  for (const tray::Pause& pause : status.pauses)
    check(tray::StatusWords::paused(pause, when).size() <= max_line_characters);
  const QStringList notes = tray::StatusWords::notes(status);
  check(notes.size() <= 9);
  const QStringList lines = notes + tray::StatusWords::running(status);
  check(lines.size() <= notes.size() + 7);
  for (const QString& line : lines)
    check(line.size() <= max_line_characters);
}

void show_settings(const QJsonObject& object) {
  const tray::SettingsState settings = tray::read_settings(object);
  for (const tray::SettingState& setting : settings.settings) {
    check(settings.find(setting.key) != nullptr);
    check(!tray::SettingWords::page_name(tray::SettingWords::page(setting.key)).isEmpty());
    (void)tray::SettingWords::label(setting.key);
    (void)tray::SettingWords::help(setting);
    check(tray::SettingWords::lock(setting).isEmpty() == !setting.is_locked());
    for (const QString& choice : setting.choices)
      (void)tray::SettingWords::choice(choice);
    check(is_number(setting.minimum) && is_number(setting.maximum));
    for (const QJsonValue& value : {setting.value, setting.default_value}) {
      // What is shown and not touched stays as it is: typed again it shows the same.
      const QString text = tray::value_text(setting, value);
      const QString again = tray::value_text(setting, tray::text_value(setting, text));
      check(tray::value_text(setting, tray::text_value(setting, again)) == again);
      for (const tray::VramLimit& limit : tray::read_vram_limits(value))
        check(std::isfinite(limit.gigabytes) && limit.gigabytes >= 0);
    }
  }
}

void show_sums(const tray::Sums& sums) {
  check(sums.jobs >= 0 && sums.tokens >= 0 && sums.given_seconds >= 0);
  check(!tray::Amounts::count(sums.jobs).isEmpty() && !tray::Amounts::count(sums.tokens).isEmpty());
  check(!tray::Amounts::time(sums.given_seconds).isEmpty());
}

void show_statistics(const QJsonObject& object) {
  const tray::History history = tray::read_history(object, QDateTime::fromSecsSinceEpoch(now, Qt::UTC).date());
  for (const tray::Sums& sums : {history.today, history.week, history.all})
    show_sums(sums);
  check(history.week.jobs >= history.today.jobs);
  check(history.pauses.size() <= 20 && history.samples.size() <= 2000);
  for (const tray::PausedFor& pause : history.pauses)
    check(pause.seconds > 0 && pause.code.size() <= 100);
  for (const tray::GpuSample& sample : history.samples)
    check_sample(sample);
  check(std::is_sorted(history.samples.begin(), history.samples.end(),
                       [](const auto& one, const auto& other) { return one.at < other.at; }));
  const auto gpus = tray::read_hardware(object, now);
  check(gpus.size() <= 32);
  for (const tray::GpuNow& gpu : gpus) {
    check(gpu.name.size() <= 200 && gpu.total_bytes >= 0 && std::isfinite(gpu.total_bytes));
    check_sample(gpu.sample);
  }
}

void show(const QJsonObject& object) {
  show_status(object);
  show_settings(object);
  show_statistics(object);
}

void read_in_tray(std::string_view line) {
  const auto message = tray::read_message(QByteArray(line.data(), static_cast<qsizetype>(line.size())));
  if (!message) return;
  if (message->answer.error) check(message->answer.error->message.size() <= 2000);
  show(message->id == 0 ? message->params : message->answer.result);
}

void read_in_client(std::string_view line) {
  const auto message = wire::read_rpc(line, wire::max_rpc_answer_bytes);
  if (const auto* told = std::get_if<wire::RpcRequest>(&message)) {
    (void)client::read_answer<client::LocalStatus>(wire::rpc_text(told->params));
  } else if (const auto* answer = std::get_if<wire::RpcResponse>(&message)) {
    if (!answer->result)
      check(!to_error(answer->result.error()).detail.empty() || answer->result.error().message.empty());
    else
      (void)client::read_answer<client::LocalStatus>(wire::rpc_text(*answer->result));
  }
}

}  // namespace

// Lines, as they come.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    read_in_tray(line);
    read_in_client(line);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return 0;
}
