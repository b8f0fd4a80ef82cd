// gogrid-worker gpus: what this machine has, without a daemon.
#include <signal.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/task_group.hpp"
#include "commands.hpp"
#include "gpus_text.hpp"
#include "worker/gpu/inventory.hpp"
#include "worker/gpu/probe.hpp"
#include "worker/gpu/survey_json.hpp"

namespace gogrid::worker_app {
namespace asio = boost::asio;
using worker::Inventory;
using worker::Survey;
namespace {

void show(const GpusOptions& options, const Survey& survey) {
  std::string text;
  if (options.json) {
    // A line a look when there are many.
    text = options.watch ? worker::to_line(survey) : worker::to_json(survey).dump(2) + "\n";
  } else {
    // From the top of the screen, and nothing below.
    const bool redraws = options.watch && ::isatty(STDOUT_FILENO) == 1;
    text = (redraws ? "\033[H\033[2J" : "") + gpus_text(survey) + (options.watch && !redraws ? "\n" : "");
  }
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

asio::awaitable<void> look_once(Inventory& inventory, const GpusOptions& options) {
  const Survey survey = co_await inventory.look();
  show(options, survey);
}

asio::awaitable<void> look_until_stopped(asio::signal_set& signals, Inventory& inventory, const GpusOptions& options) {
  bool readable = true;
  auto subscription = inventory.subscribe([&](const Survey& survey) {
    show(options, survey);
    readable = std::ferror(stdout) == 0;
    // Nobody reads any more.
    if (!readable) signals.cancel();
  });
  co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
  subscription.reset();
  inventory.stop();
  co_await inventory.stopped();
}

// Where models and engines are kept, or would be.
std::filesystem::path disk_of(const GlobalOptions& global) {
  auto path =
      global.state_dir.empty() ? worker::default_state_dir(::getenv) : std::filesystem::absolute(global.state_dir);
  std::error_code error;
  while (!path.empty() && !std::filesystem::exists(path, error) && path != path.parent_path())
    path = path.parent_path();
  return path;
}

}  // namespace

int show_gpus(const GlobalOptions& global, const GpusOptions& options) {
  asio::io_context io(1);
  worker::InventoryOptions inventory_options = worker::own_inventory();
  inventory_options.disk = disk_of(global);
  if (!options.root.empty()) inventory_options.root = std::filesystem::absolute(options.root);
  Inventory inventory(io.get_executor(), std::move(inventory_options));
  TaskGroup tasks(io.get_executor());
  asio::signal_set signals(io);
  if (options.watch) {
    signals.add(SIGINT);
    signals.add(SIGTERM);
    tasks.spawn("gpus", look_until_stopped(signals, inventory, options));
  } else {
    tasks.spawn("gpus", look_once(inventory, options));
  }
  run_until_done(io, tasks);
  return 0;
}

int probe_hardware(const ProbeFlags& flags) {
  worker::ProbeOptions options;
  options.source = flags.source == "vulkan" ? worker::ProbeSource::vulkan : worker::ProbeSource::system;
  options.watch = flags.watch;
  options.root = flags.root;
  options.disk = flags.disk;
  return worker::run_probe(options);
}

}  // namespace gogrid::worker_app
