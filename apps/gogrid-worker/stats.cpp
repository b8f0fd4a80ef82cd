// gogrid-worker stats: what this machine gave, up to this moment by the worker that runs here, or else as its file has
// it.
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "ask_worker.hpp"
#include "commands.hpp"
#include "stats_text.hpp"
#include "worker/history/keeper.hpp"
#include "worker/state_directory.hpp"

namespace gogrid::worker_app {
using nlohmann::json;
namespace {

Result<json> read_kept(const GlobalOptions& global) {
  const std::filesystem::path file = worker::StateDirectory(state_path(global)).history_file();
  auto history = worker::load_history(file);
  // Nothing has happened yet.
  if (!history && history.error().code == ErrorCode::not_found) history = worker::History();
  if (!history) return Error(history.error().code, file.string() + ": " + history.error().detail);
  return worker::to_json(*history);
}

}  // namespace

int show_stats(const GlobalOptions& global, bool json_wanted) {
  auto history = ask_worker(global, "history.get", json::object());
  if (!history) history = read_kept(global);
  if (!*history) {
    std::fprintf(stderr, "gogrid-worker: %s\n", history->error().detail.c_str());
    return 1;
  }
  const worker::LocalCalendar calendar;
  const auto replace = json::error_handler_t::replace;
  const std::string text = json_wanted ? (*history)->dump(2, ' ', false, replace) + "\n"
                                       : stats_text(**history, calendar.day_of(std::chrono::system_clock::now()));
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace gogrid::worker_app
