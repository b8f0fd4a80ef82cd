#include "commands.hpp"

#include <signal.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <cstdlib>

#include "ask_worker.hpp"
#include "base/log.hpp"
#include "base/task_group.hpp"
#include "domain/join_token.hpp"
#include "status_text.hpp"
#include "terminal.hpp"
#include "worker/enrolment.hpp"
#include "worker/host.hpp"
#include "worker/worker.hpp"

namespace gogrid::worker_app {
namespace asio = boost::asio;
using worker::CoordinatorAddress;
using worker::Identity;
using worker::StateDirectory;
using worker::WorkerConfig;
namespace {

constexpr int ok = 0;
constexpr int failed = 1;
constexpr int usage = 2;
constexpr int not_running = 3;

int report(const Error& error, int code = failed) {
  std::fprintf(stderr, "gogrid-worker: %s\n", error.detail.c_str());
  return code;
}

struct Setup {
  std::shared_ptr<worker::Settings> settings;
  std::unique_ptr<StateDirectory> state;

  const WorkerConfig& config() const { return settings->config(); }
};

// Configuration, logging and directories, the directory locked.
Result<Setup> set_up(const GlobalOptions& global) {
  Setup setup;
  auto settings = worker::Settings::load(setting_sources(global));
  if (!settings) return settings.error();
  setup.settings = std::make_shared<worker::Settings>(std::move(*settings));
  if (auto started = start_logging(worker::log_options(setup.config())); !started) return started.error();
  const auto path = state_path(global);
  if (path.empty())
    return Error(ErrorCode::invalid_argument, "HOME is not set: name a state directory with --state-dir");
  setup.state = std::make_unique<StateDirectory>(path, setup.config().cache_dir);
  if (auto made = setup.state->make(); !made) return made.error();
  if (auto locked = setup.state->lock(); !locked) return locked.error();
  return setup;
}

// Takes the token out of the environment, so that no child ever sees it.
std::string token_from_environment() {
  const char* value = ::getenv("GOGRID_JOIN_TOKEN");
  std::string token = value ? value : "";
  ::unsetenv("GOGRID_JOIN_TOKEN");
  return token;
}

struct Request {
  CoordinatorAddress address;
  JoinToken token;
};

Result<Request> complete_request(const WorkerConfig& config, std::string coordinator, std::string token) {
  Request request;
  const std::uint16_t port = config.coordinator_port == WorkerConfig::no_port
                                 ? CoordinatorAddress().port
                                 : static_cast<std::uint16_t>(config.coordinator_port);
  if (coordinator.empty()) coordinator = config.coordinator_host;
  const bool asks = can_ask();
  if (coordinator.empty() && asks) {
    coordinator = ask("Coordinator's host name or address", "").value_or("");
    const auto address = CoordinatorAddress::parse(coordinator, 0);
    if (!address && !coordinator.empty()) return address.error();
    if (address && address->port == 0) {
      const bool is_ipv6 = address->host.find(':') != std::string::npos;
      const std::string typed = ask("Coordinator's port", std::to_string(port)).value_or("");
      coordinator = (is_ipv6 ? "[" + address->host + "]" : address->host) + ":" + typed;
    }
  }
  if (token.empty() && asks) token = ask("Join token (from `gogrid token create`; not shown)", "", true).value_or("");
  if (coordinator.empty() || token.empty()) {
    return Error(ErrorCode::invalid_argument,
                 "this worker has not joined a coordinator: run `gogrid-worker join --coordinator HOST:PORT` with a "
                 "token from `gogrid "
                 "token create`, or set GOGRID_COORDINATOR_HOST, GOGRID_COORDINATOR_PORT and GOGRID_JOIN_TOKEN");
  }
  auto address = CoordinatorAddress::parse(coordinator, port);
  if (!address) return address.error();
  const auto later = worker::configured_address(config, *address);
  if (!later) return later.error();
  // It would trust one coordinator and go to another.
  if (*later != *address) {
    return Error(ErrorCode::invalid_argument,
                 "cannot join " + address->text() + ": the configuration sends this worker to " + later->text() +
                     "; change coordinator.host and coordinator.port (GOGRID_COORDINATOR_HOST, "
                     "GOGRID_COORDINATOR_PORT), or leave them out");
  }
  auto parsed = JoinToken::parse(token);
  if (!parsed) return parsed.error();
  request.address = std::move(*address);
  request.token = std::move(*parsed);
  return request;
}

asio::awaitable<void> enrol_into(asio::any_io_executor executor, Request request, std::string name,
                                 Result<Identity>* result) {
  *result = co_await worker::enrol(executor, std::move(request.address), std::move(request.token), std::move(name));
}

Result<Identity> enrol_and_store(const Setup& setup, Request request) {
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  Result<Identity> identity = Error(ErrorCode::internal, "enrolment did not end");
  const std::string name = setup.config().name.empty() ? worker::host_name() : setup.config().name;
  tasks.spawn("enrolment", enrol_into(io.get_executor(), std::move(request), name, &identity));
  run_until_done(io, tasks);
  if (!identity) return identity;
  if (auto stored = worker::store_identity(setup.state->identity(), *identity); !stored) return stored.error();
  return identity;
}

Result<Identity> find_identity(const Setup& setup) {
  auto identity = worker::load_identity(setup.state->identity());
  if (!identity && identity.error().code == ErrorCode::not_found) {
    auto request = complete_request(setup.config(), "", token_from_environment());
    if (!request) return request.error();
    identity = enrol_and_store(setup, std::move(*request));
  }
  if (!identity) return identity;
  token_from_environment();
  const auto times = worker::certificate_times(identity->certificate_chain);
  if (!times) return times.error();
  if (times->expires < std::chrono::system_clock::now()) {
    return Error(ErrorCode::unauthenticated,
                 "the worker's certificate has expired: it was away for too long. Join again with `gogrid-worker join` "
                 "and a new token");
  }
  auto address = worker::configured_address(setup.config(), {identity->coordinator_host, identity->coordinator_port});
  if (!address) return address.error();
  identity->coordinator_host = std::move(address->host);
  identity->coordinator_port = address->port;
  return identity;
}

// Sockets of engines whose worker was killed.
void remove_left_sockets(const StateDirectory& state) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(state.run(), error)) {
    if (entry.path().filename().string().starts_with("e-")) std::filesystem::remove_all(entry.path(), error);
  }
}

asio::awaitable<void> stop_on_signal(asio::signal_set& signals, worker::Worker& daemon) {
  for (;;) {
    const auto [failure, number] = co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
    if (failure) co_return;
    log().info("signal {}: stopping", number);
    daemon.stop();
  }
}

asio::awaitable<void> run_daemon(worker::Worker& daemon, asio::signal_set& signals, Result<void>* result) {
  *result = co_await daemon.run();
  signals.cancel();
}

using StatusAnswer = client::Answer<client::LocalStatus>;
using Call = Talk<StatusAnswer>;

int report_call(const Error& error) {
  return report(error, error.code == ErrorCode::unavailable ? not_running : failed);
}

int call_daemon(const GlobalOptions& global, const Call& call, const std::function<void(const StatusAnswer&)>& show) {
  const auto answer = talk_to_worker(global, call);
  if (!answer) return report_call(answer.error());
  show(*answer);
  return ok;
}

void print(const StatusOptions& options, const StatusAnswer& answer) {
  std::string text = answer.json + "\n";
  if (!options.json) {
    // From the top of the screen, and nothing below.
    const bool redraws = options.watch && ::isatty(STDOUT_FILENO) == 1;
    text = (redraws ? "\033[H\033[2J" : "") + status_text(answer.value) + (options.watch && !redraws ? "\n" : "");
  }
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

asio::awaitable<Result<void>> watch_status(client::LocalControl& control, const StatusOptions& options) {
  asio::signal_set signals(co_await asio::this_coro::executor, SIGINT, SIGTERM);
  bool stopped = false;
  signals.async_wait([&](const boost::system::error_code& failure, int) {
    // Of the end of this coroutine: what is captured is gone.
    if (failure) return;
    stopped = true;
    control.close();
  });
  // An error: nobody reads any more.
  while (!stopped && std::ferror(stdout) == 0) {
    const auto answer = co_await control.next_status();
    if (!answer && !stopped) co_return answer.error();
    if (answer) print(options, *answer);
  }
  co_return Result<void>();
}

}  // namespace

std::filesystem::path state_path(const GlobalOptions& global) {
  if (!global.state_dir.empty()) return std::filesystem::absolute(global.state_dir);
  return worker::default_state_dir(::getenv);
}

worker::SettingSources setting_sources(const GlobalOptions& global) {
  worker::SettingSources sources;
  sources.file_required = !global.config_file.empty();
  sources.file =
      sources.file_required ? std::filesystem::absolute(global.config_file) : worker::default_config_file(::getenv);
  sources.environment = ::getenv;
  sources.flags = global.flags;
  return sources;
}

int join(const GlobalOptions& global, const JoinOptions& options) {
  auto setup = set_up(global);
  if (!setup) return report(setup.error());
  std::string token = options.token == "-" ? read_line_from_input() : options.token;
  const std::string from_environment = token_from_environment();
  if (token.empty()) token = from_environment;
  auto request = complete_request(setup->config(), options.coordinator, std::move(token));
  if (!request) return report(request.error());
  const auto address = request->address.text();
  auto identity = enrol_and_store(*setup, std::move(*request));
  if (!identity) return report(identity.error());
  std::printf("joined %s as %s; start the worker with `gogrid-worker run`\n", address.c_str(),
              identity->worker_id.c_str());
  return ok;
}

int run(const GlobalOptions& global, bool insecure_no_sandbox) {
  auto setup = set_up(global);
  if (!setup) return report(setup.error());
  auto identity = find_identity(*setup);
  if (!identity) return report(identity.error());
  remove_left_sockets(*setup->state);

  asio::io_context io(1);
  worker::WorkerOptions options;
  options.settings = setup->settings;
  options.insecure_no_sandbox = insecure_no_sandbox;
  options.inventory = worker::own_inventory();
  options.on_connected = [id = identity->worker_id](const std::string& coordinator) {
    std::printf("connected to %s as %s\n", coordinator.c_str(), id.c_str());
    std::fflush(stdout);
  };
  options.identity = std::move(*identity);
  worker::Worker daemon(io.get_executor(), std::move(options), *setup->state);
  asio::signal_set signals(io, SIGINT, SIGTERM);
  TaskGroup tasks(io.get_executor());
  Result<void> result;
  tasks.spawn("signals", stop_on_signal(signals, daemon));
  tasks.spawn("worker", run_daemon(daemon, signals, &result));
  io.run();
  return result ? ok : report(result.error());
}

int show_status(const GlobalOptions& global, const StatusOptions& options) {
  if (!options.watch) {
    const Call call = [](client::LocalControl& control) { return control.status(); };
    return call_daemon(global, call, [&](const auto& answer) { print(options, answer); });
  }
  const Talk<void> talk = [&](client::LocalControl& control) { return watch_status(control, options); };
  const auto watched = talk_to_worker(global, talk);
  return watched ? ok : report_call(watched.error());
}

int pause(const GlobalOptions& global, const PauseOptions& options) {
  client::LocalPauseRequest request;
  request.reason = options.reason;
  request.until_tomorrow = options.until == "tomorrow";
  if (!options.length.empty()) {
    std::chrono::milliseconds length{0};
    const SettingTarget target(length);
    if (!target.assign(options.length) || length < std::chrono::seconds(1))
      return report(Error(ErrorCode::invalid_argument, "--for must be " + target.expected() + ", at least 1s"), usage);
    request.length = std::chrono::duration_cast<std::chrono::seconds>(length);
  }
  const Call call = [request](client::LocalControl& control) { return control.pause(request); };
  return call_daemon(global, call, [](const auto& answer) {
    const auto& pauses = answer.value.pauses;
    const bool timed = !pauses.empty() && pauses.front().until;
    std::printf(
        "paused %s; engines give their memory back, and what they answer goes on elsewhere. `gogrid-worker resume` "
        "ends it\n",
        timed ? ("until " + date_text(*pauses.front().until)).c_str() : "until it is resumed, also over restarts");
  });
}

int resume(const GlobalOptions& global) {
  const Call call = [](client::LocalControl& control) { return control.resume(); };
  return call_daemon(global, call, [](const auto& answer) {
    std::printf("%s%s%s\n", answer.value.availability.c_str(), answer.value.reason.empty() ? "" : ": ",
                answer.value.reason.c_str());
  });
}

int stop(const GlobalOptions& global, std::optional<double> deadline_seconds) {
  const Call call = [deadline_seconds](client::LocalControl& control) { return control.stop(deadline_seconds); };
  return call_daemon(global, call, [](const auto& answer) {
    std::printf("stopping; waiting for %lld running requests\n", static_cast<long long>(answer.value.requests_running));
  });
}

}  // namespace gogrid::worker_app
