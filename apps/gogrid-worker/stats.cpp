// gogrid-worker stats: what this machine gave. Reads the history that the daemon keeps, so that it needs none.
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "stats_text.hpp"
#include "worker/history/keeper.hpp"
#include "worker/state_directory.hpp"

namespace gogrid::worker_app {

int show_stats(const GlobalOptions& global, bool json) {
  const std::filesystem::path file = worker::StateDirectory(state_path(global)).history_file();
  auto history = worker::load_history(file);
  // Nothing has happened yet.
  if (!history && history.error().code == ErrorCode::not_found) history = worker::History();
  if (!history) {
    std::fprintf(stderr, "gogrid-worker: %s: %s\n", file.c_str(), history.error().detail.c_str());
    return 1;
  }
  const worker::LocalCalendar calendar;
  const std::string text = json ? worker::to_json(*history).dump(2) + "\n"
                                : stats_text(*history, calendar.day_of(std::chrono::system_clock::now()));
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace gogrid::worker_app
