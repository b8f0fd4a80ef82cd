// A worker's history as its file has it: what was read can be written, is the same when it is read again, and can be
// shown and added to. And the kernel's figures of pressure and its process events, which come from files and sockets.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "worker/history/history.hpp"
#include "worker/machine/pressure.hpp"
#include "worker/machine/programs.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gogrid;
  using namespace gogrid::worker;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_pressure(text);
  (void)parse_process_events(std::as_bytes(std::span(data, size)));
  const auto day = parse_date(text);
  if (day && date_text(*day) != text) std::abort();
  auto history = read_history(text);
  if (!history) return 0;
  const std::string written = write_history(*history);
  const auto again = read_history(written);
  if (!again || !(*again == *history)) std::abort();
  (void)to_json(*history).dump();
  const LocalCalendar calendar;
  const SystemTime now = from_unix_seconds(1'795'953'600);
  history->count_job(calendar, now);
  history->add_given(calendar, now, std::chrono::hours(30));
  history->add_paused(calendar, now, std::chrono::hours(30), "user_active");
  GpuFigures figures;
  figures.percent = 50;
  history->add_reading(now, figures);
  if (history->days().size() > max_history_days || !read_history(write_history(*history))) std::abort();
  return 0;
}
