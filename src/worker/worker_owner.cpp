// What the worker does as its owner's rules, and what is sensed of the machine, change.
#include <algorithm>

#include "base/log.hpp"
#include "worker/parts.hpp"
#include "worker/worker.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;

OwnerSensors::Events Worker::sensor_events() {
  OwnerSensors::Events events;
  events.on_change = [this] {
    owner_.sense(sensors_.senses());
    status_changed();
  };
  events.on_survey = [this](const Survey& survey) {
    history_.add_reading(survey);
    vram_.take(survey);
  };
  return events;
}

EngineActivity Worker::engine_activity() const {
  EngineActivity activity;
  // A job may go on without its stream.
  activity.computing = requests_running_ > 0;
  const auto add = [&activity](const Replica& replica) {
    activity.running = activity.running || replica.pid() != 0;
    activity.on_gpu = activity.on_gpu || replica.is_on_devices();
    activity.computing = activity.computing || replica.requests() > 0;
  };
  for (const auto& [key, replica] : replicas_)
    add(*replica);
  for (const auto& leaving : leaving_)
    add(*leaving->replica);
  activity.gpu_paused = std::any_of(owner_.pauses().begin(), owner_.pauses().end(),
                                    [](const Pause& pause) { return !pause.part.empty() && pause.part != cpu_part; });
  return activity;
}

void Worker::owner_changed() {
  // The coordinator first: it goes on elsewhere with what is answered here.
  changed(Change::important);
  // Who would stop it, if it should, is not connected.
  if (availability_.current() == Availability::paused) leases_.stop_unwatched();
  pause_replicas();
  // Those that go wait for their requests only as long as they may.
  request_finished_.notify();
  count_pauses();
}

void Worker::count_pauses() {
  std::set<std::string> codes;
  for (const Pause& pause : owner_.pauses())
    codes.emplace(to_string(pause.code));
  history_.set_pauses(std::move(codes));
}

// The owner wants the machine, or a part of it: engines leave the memory.
void Worker::pause_replicas() {
  cache_.set_paused(machine_pause(owner_.pauses()) != nullptr);
  for (const auto& [key, replica] : replicas_) {
    const Pause* pause = pause_of(*replica);
    if (pause == nullptr) {
      replica->set_pause("");
    } else if (may_finish(*pause) && replica->requests() > 0) {
      if (finishing_.insert(replica).second) tasks_.spawn("pause", pause_after_requests(replica));
    } else {
      replica->set_pause(pause->text_for_others);
    }
  }
}

// A machine that goes to sleep waits for nobody.
bool Worker::may_finish(const Pause& pause) const {
  return options_.config.on_pause == "finish" && pause.code != PauseCode::going_to_sleep;
}

asio::awaitable<void> Worker::pause_after_requests(std::shared_ptr<Replica> replica) {
  const auto deadline = std::chrono::steady_clock::now() + options_.config.drain_timeout;
  const auto waits = [this, &replica, deadline] {
    const Pause* pause = pause_of(*replica);
    return replica->requests() > 0 && pause != nullptr && may_finish(*pause) &&
           std::chrono::steady_clock::now() < deadline;
  };
  while (waits())
    co_await request_finished_.wait_until(deadline);
  finishing_.erase(replica);
  if (const Pause* pause = pause_of(*replica)) replica->set_pause(pause->text_for_others);
}

void Worker::look_at_devices() {
  if (engines_.current() && !shutting_down_) tasks_.spawn("devices", devices_.look(engines_.current()));
}

void Worker::warn_of_unknown_parts() {
  // Without an engine its devices are not known.
  if (!engines_.current()) return;
  const auto& named = owner_.rules().work_while_active;
  for (const std::string& part : unknown_parts(named, devices_.list(), hardware_.survey().gpus)) {
    if (!unknown_parts_told_.insert(part).second) continue;
    log().warn(
        "worker.work_while_active names \"{}\", which is neither cpu nor a GPU of this machine: see `gogrid-worker "
        "gpus`",
        part);
  }
}

const Pause* Worker::pause_of(const Replica& replica) const {
  const auto& pauses = owner_.pauses();
  if (pauses.empty()) return nullptr;
  const auto& gpus = hardware_.survey().gpus;
  const auto parts = parts_of(replica.spec(), devices_.list(), gpus);
  const auto stops = [&](Pause pause) {
    pause.except = with_ids(pause.except, devices_.list(), gpus);
    return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) { return stops_part(pause, part); });
  };
  return strictest(pauses, stops, [this](const Pause& pause) { return may_finish(pause); });
}

}  // namespace gogrid::worker
