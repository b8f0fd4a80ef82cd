// What the worker's owner can ask of it over the control socket.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "worker/control/control_server.hpp"
#include "worker/gpu/survey_json.hpp"
#include "worker/worker.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
using nlohmann::json;
using wire::RpcResult;
namespace {

constexpr const char* status_topic = "status.subscribe";
constexpr const char* hardware_topic = "hardware.subscribe";

// A text that may be missing or null.
Result<std::string> optional_text(const json& params, const char* name) {
  const auto found = params.find(name);
  if (found == params.end() || found->is_null()) return std::string();
  if (!found->is_string()) return Error(ErrorCode::invalid_argument, "\"" + std::string(name) + "\" must be a text");
  return found->get<std::string>();
}

// How long a stop waits, if it is said.
Result<std::optional<std::chrono::milliseconds>> read_deadline(const json& params) {
  constexpr int longest_seconds = 86'400;
  const auto deadline = params.find("deadline_seconds");
  if (deadline == params.end() || deadline->is_null()) return std::nullopt;
  const double seconds = deadline->is_number() ? deadline->get<double>() : -1;
  if (!(seconds >= 0 && seconds <= longest_seconds)) {
    return Error(ErrorCode::invalid_argument,
                 "\"deadline_seconds\" must be a number from 0 to " + std::to_string(longest_seconds));
  }
  constexpr double milliseconds_of_second = 1000;
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * milliseconds_of_second));
}

// "for_seconds" or "until": "tomorrow"; neither: until it is resumed.
Result<OwnerPause> read_pause(const json& params, SystemTime now) {
  constexpr std::int64_t longest_seconds = 366LL * 24 * 60 * 60;
  OwnerPause pause;
  auto reason = optional_text(params, "reason");
  if (!reason) return reason.error();
  pause.reason = std::move(*reason);
  const auto until = optional_text(params, "until");
  if (!until) return until.error();
  const auto seconds = params.find("for_seconds");
  const bool timed = seconds != params.end() && !seconds->is_null();
  if (timed && !until->empty())
    return Error(ErrorCode::invalid_argument, "\"for_seconds\" and \"until\" exclude each other");
  if (!until->empty()) {
    if (*until != "tomorrow") return Error(ErrorCode::invalid_argument, "\"until\" must be \"tomorrow\"");
    pause.until = next_morning(now);
  }
  if (timed) {
    const bool sound = seconds->is_number_integer() && *seconds >= 1 && *seconds <= longest_seconds;
    if (!sound) return Error(ErrorCode::invalid_argument, "\"for_seconds\" must be a whole number from 1 to a year's");
    pause.until = now + std::chrono::seconds(seconds->get<std::int64_t>());
  }
  return pause;
}

}  // namespace

std::unique_ptr<ControlServer> Worker::make_control() {
  ControlServer::Options options;
  options.socket = state_directory_.control_socket();
  options.owner = ::geteuid();
  auto control = std::make_unique<ControlServer>(executor_, std::move(options));
  // What is told takes memory for a moment, which is to be given back.
  const auto status_now = [this] {
    news_.notify();
    return status();
  };
  ControlTopic::Options topic;
  topic.subscribe = status_topic;
  topic.notification = "status.changed";
  topic.value = status_now;
  control->topic(std::move(topic));
  control->method("status.get", {}, [status_now](json) -> asio::awaitable<RpcResult> { co_return status_now(); });
  control->method("pause", {"reason", "for_seconds", "until"},
                  [this, status_now](json params) -> asio::awaitable<RpcResult> {
                    auto pause = read_pause(params, std::chrono::system_clock::now());
                    if (!pause) co_return pause.error();
                    if (auto done = owner_.pause(std::move(*pause)); !done) co_return done.error();
                    co_return status_now();
                  });
  control->method("resume", {}, [this, status_now](json) -> asio::awaitable<RpcResult> {
    auto done = co_await resume();
    if (!done) co_return done.error();
    co_return status_now();
  });
  control->method("stop", {"deadline_seconds"}, [this, status_now](json params) -> asio::awaitable<RpcResult> {
    const auto patience = read_deadline(params);
    if (!patience) co_return patience.error();
    stop(*patience);
    co_return status_now();
  });
  control->method("history.get", {}, [this](json) -> asio::awaitable<RpcResult> { co_return history_.to_json(); });
  offer_hardware(*control);
  offer_settings(*control);
  return control;
}

void Worker::offer_hardware(ControlServer& control) {
  ControlTopic::Options topic;
  topic.subscribe = hardware_topic;
  topic.notification = "hardware.reading";
  // The first reading comes soon; until then what was found at the last look.
  topic.value = [this] { return to_json(last_reading_ ? *last_reading_ : hardware_.survey()); };
  topic.on_watched = [this](bool watched) {
    last_reading_.reset();
    readings_.reset();
    news_.notify();
    if (!watched) return;
    readings_ = hardware_.subscribe([this](const Survey& survey) {
      last_reading_ = survey;
      control_->changed(hardware_topic);
    });
  };
  control.topic(std::move(topic));
}

asio::awaitable<Result<void>> Worker::resume() {
  if (auto done = owner_.resume(); !done) co_return done;
  // What stood in its way may have been put right.
  if (sandbox_.kind() == SandboxKind::unavailable) co_await probe_sandbox();
  look_at_devices();
  co_return Result<void>();
}

void Worker::status_changed() { control_->changed(status_topic); }

}  // namespace gogrid::worker
