#include "worker/gpu/inventory.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/log.hpp"
#include "worker/gpu/survey_json.hpp"
#include "worker/sandbox/process.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

// After a child that ended by itself while somebody still listens.
constexpr std::chrono::seconds retry_pause{5};
// Surveys that wait for what Vulkan adds, before they go out without it.
constexpr int max_held_back = 3;

}  // namespace

struct Inventory::Feed {
  Feed(asio::any_io_executor executor, std::string its_source, bool watches)
      : source(std::move(its_source)), watch(watches), deadline(executor), pause(executor) {}

  void stop() {
    stopped = true;
    if (process) process->kill();
    pause.cancel();
  }

  const std::string source;  // "system", "vulkan"
  const bool watch;
  bool stopped = false;
  // It has said all there is.
  bool complete = false;
  // It said nothing for too long.
  bool hung = false;
  int held_back = 0;
  std::unique_ptr<Process> process;
  // The beginning of a line.
  std::string rest;
  bool overlong = false;
  std::optional<Survey> survey;
  // Why there is none.
  std::string trouble;
  asio::steady_timer deadline;
  asio::steady_timer pause;
  std::function<void()> on_survey;
};

InventoryOptions own_inventory() {
  InventoryOptions options;
  // Also when the file has been replaced by a newer one.
  options.program = {"/proc/self/exe", "probe-hardware"};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    // No driver has any use for the secret.
    if (!std::string_view(*variable).starts_with("GOGRID_JOIN_TOKEN=")) options.environment.emplace_back(*variable);
  }
  return options;
}

Inventory::Inventory(asio::any_io_executor executor, InventoryOptions options)
    : executor_(executor), options_(std::move(options)), tasks_(executor) {}

Inventory::~Inventory() = default;

std::vector<std::string> Inventory::arguments(const Feed& feed) const {
  std::vector<std::string> arguments = options_.program;
  arguments.insert(arguments.end(), {"--source", feed.source, "--root", options_.root.string()});
  if (!options_.disk.empty()) arguments.insert(arguments.end(), {"--disk", options_.disk.string()});
  if (feed.watch) arguments.emplace_back("--watch");
  return arguments;
}

bool Inventory::wants_vulkan(const Survey& survey) const {
  // It knows this machine, not the one whose files are looked at.
  return options_.root == "/" && has_gaps(survey.gpus);
}

asio::awaitable<Survey> Inventory::look() {
  auto system = std::make_shared<Feed>(executor_, "system", false);
  co_await run_child(system);
  Survey survey = system->survey.value_or(Survey());
  // After a survey only a library can have been in its way.
  if (!system->complete)
    survey.looked_at.push_back((system->survey ? "NVML (" : "this machine (") + system->trouble + ")");
  if (stopping_ || !wants_vulkan(survey)) co_return survey;
  auto vulkan = std::make_shared<Feed>(executor_, "vulkan", false);
  co_await run_child(vulkan);
  if (vulkan->survey) {
    merge(survey.gpus, std::move(vulkan->survey->gpus));
    for (std::string& source : vulkan->survey->looked_at)
      survey.looked_at.push_back(std::move(source));
  } else {
    survey.looked_at.push_back("Vulkan (" + vulkan->trouble + ")");
  }
  co_return survey;
}

// Until the child has ended, which a kill makes sure of: it is never left alone.
asio::awaitable<void> Inventory::run_child(std::shared_ptr<Feed> feed) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (stopping_ || feed->stopped) co_return;
  if (options_.program.empty()) {
    feed->trouble = "not looked at";
    co_return;
  }
  ProcessOptions options;
  options.arguments = arguments(*feed);
  options.environment = options_.environment;
  auto started = Process::start(executor_, std::move(options));
  if (!started) {
    feed->trouble = started.error().detail;
    co_return;
  }
  feed->process = std::move(*started);
  const auto place = running_.insert(running_.end(), feed.get());
  feed->hung = false;
  // The handler may run after all of this has ended.
  const std::function<void()> arm = [this, feed] {
    feed->deadline.expires_after(options_.time_limit);
    feed->deadline.async_wait([feed](boost::system::error_code failure) {
      if (failure || !feed->process) return;
      feed->hung = true;
      feed->process->kill();
    });
  };
  arm();
  const std::function<void(std::string_view)> sink = [this, &feed, &arm](std::string_view text) {
    while (!text.empty()) {
      const auto end = text.find('\n');
      const std::string_view part = text.substr(0, end);
      if (feed->rest.size() + part.size() > max_survey_bytes) feed->overlong = true;
      if (!feed->overlong) feed->rest += part;
      if (end == std::string_view::npos) return;
      text.remove_prefix(end + 1);
      const std::string line = std::exchange(feed->rest, {});
      if (std::exchange(feed->overlong, false)) continue;
      arm();
      heard(*feed, line);
    }
  };
  co_await feed->process->read_output(sink);
  const ExitStatus status = co_await feed->process->exited();
  feed->deadline.cancel();
  running_.erase(place);
  feed->process.reset();
  feed->rest.clear();
  feed->complete = status.success() && feed->survey;
  feed->trouble = status.success() ? "said nothing that can be read" : "its driver " + status.text();
  if (feed->hung) feed->trouble = "no answer in " + std::to_string(options_.time_limit.count() / 1000) + " s";
}

void Inventory::heard(Feed& feed, std::string_view line) {
  auto survey = read_survey(line);
  // A driver that writes where it should not.
  if (!survey || feed.stopped) return;
  feed.survey = std::move(*survey);
  if (feed.on_survey) feed.on_survey();
}

asio::awaitable<void> Inventory::watch(std::shared_ptr<Feed> feed) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (!feed->stopped && !feed->complete && !stopping_) {
    co_await run_child(feed);
    if (feed->stopped || feed->complete || stopping_) break;
    log().warn("looking at the hardware ({}) ended: {}", feed->source, feed->trouble);
    feed->pause.expires_after(retry_pause);
    co_await feed->pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  // It refers to us, and may be the last to be kept.
  feed->on_survey = nullptr;
}

Inventory::Subscription::Subscription(Inventory& inventory, Listener listener)
    : inventory_(inventory), place_(inventory.listeners_.insert(inventory.listeners_.end(), std::move(listener))) {}

Inventory::Subscription::~Subscription() {
  inventory_.listeners_.erase(place_);
  if (inventory_.listeners_.empty()) inventory_.stop_watching();
}

std::unique_ptr<Inventory::Subscription> Inventory::subscribe(Listener listener) {
  std::unique_ptr<Subscription> subscription(new Subscription(*this, std::move(listener)));
  if (system_ || stopping_) return subscription;
  system_ = std::make_shared<Feed>(executor_, "system", true);
  system_->on_survey = [this] { tell_listeners(); };
  tasks_.spawn("hardware readings", watch(system_));
  return subscription;
}

void Inventory::tell_listeners() {
  Survey survey = *system_->survey;
  if (wants_vulkan(survey) && !vulkan_ && !stopping_) {
    vulkan_ = std::make_shared<Feed>(executor_, "vulkan", true);
    tasks_.spawn("hardware readings, Vulkan", watch(vulkan_));
  }
  if (vulkan_ && !vulkan_->survey && vulkan_->trouble.empty() && vulkan_->held_back++ < max_held_back) return;
  if (vulkan_ && vulkan_->survey) {
    merge(survey.gpus, vulkan_->survey->gpus);
    const auto& sources = vulkan_->survey->looked_at;
    survey.looked_at.insert(survey.looked_at.end(), sources.begin(), sources.end());
  }
  for (const Listener& listen : listeners_)
    listen(survey);
}

void Inventory::stop_watching() {
  for (const auto& feed : {std::exchange(system_, nullptr), std::exchange(vulkan_, nullptr)}) {
    if (feed) feed->stop();
  }
}

void Inventory::stop() {
  stopping_ = true;
  stop_watching();
  for (Feed* feed : running_)
    feed->stop();
}

asio::awaitable<void> Inventory::stopped() { co_await tasks_.wait(); }

}  // namespace gogrid::worker
