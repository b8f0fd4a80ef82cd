#include "worker/history/keeper.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "base/blocking.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

const Clock& real_clock() {
  static const RealClock clock;
  return clock;
}

const Calendar& local_calendar() {
  static const LocalCalendar calendar;
  return calendar;
}

History load_or_set_aside(const std::filesystem::path& file) {
  auto history = load_history(file);
  if (history) return std::move(*history);
  if (history.error().code == ErrorCode::not_found) return History();
  const std::filesystem::path aside = file.string() + ".broken";
  std::error_code failure;
  std::filesystem::rename(file, aside, failure);
  log().warn("the history of this worker's work begins anew: {}: {}; it is kept as {}", file.string(),
             history.error().detail, failure ? file.string() + " until it is written again" : aside.string());
  return History();
}

}  // namespace

GpuFigures gpu_figures(const Survey& survey) {
  GpuFigures figures;
  int with_load = 0;
  for (const Gpu& gpu : survey.gpus) {
    if (gpu.software) continue;
    const GpuReading& reading = gpu.reading;
    if (reading.utilisation_percent) {
      ++with_load;
      figures.percent = figures.percent.value_or(0) + *reading.utilisation_percent;
    }
    if (reading.used_bytes) figures.memory_bytes = figures.memory_bytes.value_or(0) + *reading.used_bytes;
    if (reading.power_watts) figures.power_watts = figures.power_watts.value_or(0) + *reading.power_watts;
    if (reading.temperature_celsius)
      figures.temperature_celsius =
          std::max(figures.temperature_celsius.value_or(*reading.temperature_celsius), *reading.temperature_celsius);
  }
  if (with_load > 1) figures.percent = *figures.percent / with_load;
  return figures;
}

Result<History> load_history(const std::filesystem::path& file) {
  const auto text = read_file(file, max_history_bytes);
  if (!text) return text.error();
  return read_history(*text);
}

struct HistoryKeeper::Work {
  explicit Work(HistoryKeeper& its_keeper) : keeper(its_keeper) {}
  ~Work() { keeper.work_ended(); }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  HistoryKeeper& keeper;
};

HistoryKeeper::HistoryKeeper(asio::any_io_executor executor, asio::thread_pool& pool, HistoryKeeperOptions options)
    : pool_(pool),
      options_(std::move(options)),
      clock_(options_.clock != nullptr ? *options_.clock : real_clock()),
      calendar_(options_.calendar != nullptr ? *options_.calendar : local_calendar()),
      history_(load_or_set_aside(options_.file)),
      counted_until_(clock_.steady_now()),
      news_(executor),
      tasks_(executor) {}

HistoryKeeper::~HistoryKeeper() = default;

void HistoryKeeper::start() { tasks_.spawn("history", save_again_and_again()); }

void HistoryKeeper::stop() {
  count_time();
  stopping_ = true;
  news_.notify();
}

asio::awaitable<void> HistoryKeeper::stopped() { co_await tasks_.wait(); }

// Of a machine that slept meanwhile, only the time in which it was awake.
void HistoryKeeper::count_time() {
  const SteadyTime now = clock_.steady_now();
  const auto span = std::chrono::duration_cast<std::chrono::milliseconds>(now - counted_until_);
  if (span.count() <= 0) return;
  counted_until_ += span;
  const SystemTime until = clock_.system_now();
  if (works_ > 0) history_.add_given(calendar_, until, span);
  for (const std::string& code : pauses_)
    history_.add_paused(calendar_, until, span, code);
  dirty_ = dirty_ || works_ > 0 || !pauses_.empty();
}

void HistoryKeeper::changed() {
  dirty_ = true;
  news_.notify();
}

std::shared_ptr<void> HistoryKeeper::begin_work() {
  count_time();
  auto work = std::make_shared<Work>(*this);
  ++works_;
  return work;
}

void HistoryKeeper::work_ended() {
  count_time();
  --works_;
  changed();
}

void HistoryKeeper::answered(std::uint64_t tokens, bool whole) {
  const SystemTime now = clock_.system_now();
  if (tokens > 0) history_.count_tokens(calendar_, now, tokens);
  if (whole) history_.count_job(calendar_, now);
  changed();
}

void HistoryKeeper::set_pauses(std::set<std::string> codes) {
  if (codes == pauses_) return;
  count_time();
  pauses_ = std::move(codes);
  changed();
}

void HistoryKeeper::add_reading(const Survey& survey) {
  const GpuFigures figures = gpu_figures(survey);
  if (figures == GpuFigures()) return;
  history_.add_reading(clock_.system_now(), figures);
  changed();
}

nlohmann::json HistoryKeeper::to_json() {
  count_time();
  return worker::to_json(history_);
}

asio::awaitable<void> HistoryKeeper::save_again_and_again() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (!stopping_) {
    if (!dirty_) {
      co_await news_.wait();
      continue;
    }
    const auto due = saved_at_ ? *saved_at_ + options_.save_interval : std::chrono::steady_clock::time_point::min();
    while (!stopping_ && std::chrono::steady_clock::now() < due)
      co_await news_.wait_until(due);
    co_await save();
  }
  // What came while it was written.
  if (dirty_) co_await save();
}

asio::awaitable<void> HistoryKeeper::save() {
  count_time();
  dirty_ = false;
  saved_at_ = std::chrono::steady_clock::now();
  const auto write = [text = write_history(history_), file = options_.file] {
    return write_file_atomically(file, text, 0600);
  };
  const Result<void> written = co_await run_blocking(pool_, write);
  if (!written && !write_failed_)
    log().warn("the history of this worker's work cannot be kept: {}", written.error().detail);
  write_failed_ = !written;
  // Tried again with the next change: what is counted stays in memory.
}

}  // namespace gogrid::worker
