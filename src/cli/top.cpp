// gogrid top
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "base/config.hpp"
#include "base/task_group.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"
#include "cli/screen.hpp"
#include "cli/top_view.hpp"
#include "client/persistence.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

// The live view: asks at an interval, draws what it learns, and redraws when the terminal's size changes.
class LiveView {
 public:
  LiveView(Context& context, client::CoordinatorClient& client, TopState state, std::chrono::milliseconds interval)
      : context_(context),
        client_(client),
        state_(std::move(state)),
        interval_(interval),
        sizes_(context.executor(), SIGWINCH),
        ends_(context.executor(), SIGTERM, SIGHUP),
        keys_(context.terminal().keys()),
        screen_(context.terminal()),
        tasks_(context.executor()) {
    meter_.add(std::chrono::steady_clock::now(), state_.queue.done);
  }

  // Until "q", Ctrl-C or the end of the process is asked for. An error is one that asking again does not mend.
  asio::awaitable<Result<void>> run() {
    const Interrupts::Scope in_charge(context_.interrupts(), [this] { tasks_.cancel(); });
    draw();
    tasks_.spawn("poll", poll());
    tasks_.spawn("keys", read_keys());
    tasks_.spawn("sizes", watch_size());
    tasks_.spawn("end", watch_end());
    co_await tasks_.wait();
    co_return outcome_;
  }

 private:
  void draw() { screen_.draw(top_lines(state_, context_.view(), context_.terminal().height())); }

  void end(Result<void> outcome) {
    outcome_ = std::move(outcome);
    tasks_.cancel();
  }

  asio::awaitable<void> poll() {
    for (;;) {
      asio::steady_timer timer(context_.executor(), interval_);
      const auto [stopped] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
      if (stopped) co_return;
      const auto learned = co_await learn();
      if (!learned && learned.error().code == ErrorCode::cancelled) co_return;
      if (!learned && !client::may_pass(learned.error())) {
        end(learned.error());
        co_return;
      }
      state_.trouble = learned ? "" : learned.error().detail;
      draw();
    }
  }

  asio::awaitable<Result<void>> learn() {
    const auto queue = co_await client_.queue();
    if (!queue) co_return queue.error();
    const auto workers = co_await client_.workers();
    if (!workers) co_return workers.error();
    state_.queue = queue->value;
    state_.workers = workers->value;
    meter_.add(std::chrono::steady_clock::now(), state_.queue.done);
    state_.throughput = meter_.rates();
    co_return Result<void>();
  }

  asio::awaitable<void> read_keys() {
    // A copy, as it is closed with its owner; only waited on, which leaves the terminal in its blocking mode.
    asio::posix::stream_descriptor keys(context_.executor(), ::dup(keys_->descriptor()));
    for (;;) {
      const auto [stopped] =
          co_await keys.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
      if (stopped) co_return;
      char key = 0;
      if (::read(keys.native_handle(), &key, 1) <= 0 || key == 'q' || key == 'Q') break;
    }
    end({});
  }

  asio::awaitable<void> watch_size() {
    for (;;) {
      const auto [stopped, number] = co_await sizes_.async_wait(asio::as_tuple(asio::use_awaitable));
      if (stopped) co_return;
      draw();
    }
  }

  // The terminal must get its screen back.
  asio::awaitable<void> watch_end() {
    const auto [stopped, number] = co_await ends_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!stopped) end(Error(ErrorCode::cancelled, "ended"));
  }

  Context& context_;
  client::CoordinatorClient& client_;
  TopState state_;
  std::chrono::milliseconds interval_;
  // From before the first page on.
  asio::signal_set sizes_;
  asio::signal_set ends_;
  std::unique_ptr<Terminal::Keys> keys_;
  Screen screen_;
  ThroughputMeter meter_;
  Result<void> outcome_;
  TaskGroup tasks_;
};

class Top final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("top", "Watch workers, queue and throughput live");
    app->add_option("--interval", interval_, "How often to look: 500ms, 1s, 10s")
        ->capture_default_str()
        ->type_name("TIME");
    app->add_flag("--once", once_, "Print it once and end");
    app->footer(
        "'q' or Ctrl-C ends it. Where output is no terminal, and with --json, it is printed once. Needs a key with the "
        "scope admin.\n"
        "BUSY is slots in use of slots there are; WAITING requests of clients and JOBS of the queue wait for one.\n\n"
        "Examples:\n  gogrid top\n  gogrid top --interval 5s\n  gogrid top --once | head -4");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    std::chrono::milliseconds interval{0};
    constexpr std::chrono::milliseconds shortest{100};
    if (!SettingTarget(interval).assign(interval_) || interval < shortest)
      co_return context.wrong_usage("--interval must be a time of 100ms or more, such as 1s");
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto queue = co_await (*client)->queue();
    if (!queue) co_return queue.error();
    const auto workers = co_await (*client)->workers();
    if (!workers) co_return workers.error();
    if (context.options().json) {
      context.terminal().out(pretty_json("{\"queue\":" + queue->json + ",\"workers\":" + workers->json + "}"));
      co_return Result<void>();
    }
    TopState state;
    state.url = (*client)->server().url();
    state.queue = queue->value;
    state.workers = workers->value;
    const Terminal& terminal = context.terminal();
    if (once_ || !terminal.output_is_terminal() || !terminal.input_is_terminal()) {
      for (const std::string& line : top_lines(state, context.view(), 0))
        context.terminal().out(line + "\n");
      co_return Result<void>();
    }
    LiveView view(context, **client, std::move(state), interval);
    co_return co_await view.run();
  }

 private:
  std::string interval_ = "1s";
  bool once_ = false;
};

}  // namespace

CommandPtr make_top() { return std::make_unique<Top>(); }

}  // namespace gogrid::cli
