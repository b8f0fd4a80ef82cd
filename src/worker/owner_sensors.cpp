#include "worker/owner_sensors.hpp"

#include <boost/asio/post.hpp>

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

std::uint64_t bytes_of(double gigabytes) {
  constexpr double bytes_of_gb = 1e9;
  return static_cast<std::uint64_t>(gigabytes * bytes_of_gb);
}

DiskRoomOptions disk_options(std::filesystem::path disk, const WorkerConfig& config) {
  DiskRoomOptions options;
  options.path = std::move(disk);
  options.least_bytes = bytes_of(config.min_free_disk_gb);
  return options;
}

PowerOptions power_options(std::filesystem::path root) {
  PowerOptions options;
  options.root = std::move(root);
  return options;
}

PressureOptions pressure_options(std::filesystem::path engines_group) {
  PressureOptions options;
  options.engines_group = std::move(engines_group);
  return options;
}

}  // namespace

OwnerSensors::OwnerSensors(asio::any_io_executor executor, asio::thread_pool& pool, Inventory& inventory, Place place,
                           const WorkerConfig& config, Events events)
    : executor_(executor),
      pool_(pool),
      events_(std::move(events)),
      config_(config),
      system_bus_(executor, system_bus_address()),
      session_bus_(executor, session_bus_address()),
      idle_(
          [this](std::chrono::milliseconds idle_after, std::function<void()> changed) {
            return make_idle_sources(executor_, pool_, system_bus_, session_bus_, idle_after, std::move(changed));
          },
          std::chrono::seconds(config.idle_after_seconds), events_.on_change),
      full_screen_(executor, pool, x11_options(), wayland_options(), events_.on_change),
      programs_(executor, ProgramsOptions(), events_.on_change),
      power_(executor, power_options(std::move(place.root)), events_.on_change),
      pressure_(executor, pressure_options(std::move(place.engines_group)), events_.on_change),
      network_(system_bus_, events_.on_change),
      disk_(executor, disk_options(std::move(place.disk), config), events_.on_change),
      gpus_(executor, inventory,
            [this](const Survey& survey) {
              events_.on_survey(survey);
              events_.on_change();
            }),
      awake_(system_bus_, events_.on_change),
      sleep_(system_bus_, [this](bool) { sleep_changed(); }) {}

void OwnerSensors::start() {
  system_bus_.start();
  session_bus_.start();
  idle_.start();
  full_screen_.start();
  programs_.start();
  follow_config();
  disk_.check();
  events_.on_change();
}

void OwnerSensors::stop() {
  stopped_ = true;
  idle_.stop();
  full_screen_.stop();
  programs_.stop();
  power_.stop();
  pressure_.stop();
  disk_.stop();
  gpus_.stop();
  awake_.release();
  session_bus_.stop();
  system_bus_.stop();
}

asio::awaitable<void> OwnerSensors::stopped() {
  co_await idle_.stopped();
  co_await full_screen_.stopped();
  co_await programs_.stopped();
  co_await power_.stopped();
  co_await pressure_.stopped();
  co_await gpus_.stopped();
  co_await session_bus_.stopped();
  co_await system_bus_.stopped();
}

void OwnerSensors::set_config(const WorkerConfig& config) {
  config_ = config;
  follow_config();
  follow_engines();
  events_.on_change();
}

void OwnerSensors::follow_config() {
  if (stopped_) return;
  idle_.set_idle_after(std::chrono::seconds(config_.idle_after_seconds));
  programs_.set_patterns(config_.exclusive_apps);
  disk_.set_least_bytes(bytes_of(config_.min_free_disk_gb));
  config_.on_battery == "pause" ? power_.start() : power_.stop();
  config_.pause_on_pressure ? pressure_.start() : pressure_.stop();
}

void OwnerSensors::set_engines(EngineActivity engines) {
  if (engines == engines_) return;
  engines_ = engines;
  // Whoever tells may be a listener of the inventory's.
  asio::post(executor_, [this] { follow_engines(); });
}

void OwnerSensors::sleep_changed() {
  // Whoever hears of it tells the coordinator and ends the engines; then the machine may sleep.
  events_.on_change();
  asio::post(executor_, [this] { follow_engines(); });
}

void OwnerSensors::follow_engines() {
  if (stopped_) return;
  if (sleep_.is_near() && !engines_.running) sleep_.ready();
  pressure_.set_engines_running(engines_.running);
  const bool wanted = config_.max_temperature_c > 0 || config_.gpu_busy_percent > 0;
  const bool computes_on_gpu = engines_.on_gpu && engines_.computing;
  gpus_.set_engines_compute(computes_on_gpu);
  if (!wanted || (!engines_.on_gpu && !engines_.gpu_paused)) {
    gpus_.set_pace(GpuWatch::Pace::off);
  } else {
    gpus_.set_pace(computes_on_gpu ? GpuWatch::Pace::live : GpuWatch::Pace::slow);
  }
  if (config_.keep_awake && engines_.computing) {
    awake_.hold("it computes for others, as worker.keep_awake allows");
  } else {
    awake_.release();
  }
}

const std::string& OwnerSensors::pressure_trouble() const {
  const std::string& trouble = pressure_.level(PressureKind::cpu).trouble;
  return trouble.empty() ? pressure_.level(PressureKind::memory).trouble : trouble;
}

OwnerSenses OwnerSensors::senses() const {
  OwnerSenses senses;
  switch (idle_.state().presence) {
    case Presence::unknown:
      break;
    case Presence::active:
      senses.activity = OwnerSenses::Activity::active;
      break;
    case Presence::idle:
      senses.activity = OwnerSenses::Activity::idle;
      break;
  }
  if (!programs_.running().empty()) senses.exclusive_app = programs_.running().front().name;
  if (const auto full = full_screen_.state())
    senses.full_screen_app = full->program.empty() ? "a program" : full->program;
  senses.going_to_sleep = sleep_.is_near();
  senses.on_battery = power_.on_battery();
  senses.metered_network = network_.state() == Metered::yes;
  senses.cpu_busy = pressure_.level(PressureKind::cpu).high;
  senses.memory_short = pressure_.level(PressureKind::memory).high;
  senses.low_disk = disk_.is_low();
  for (const GpuLoad& load : gpus_.gpus()) {
    GpuSenses& gpu = senses.gpus[load.id];
    gpu.temperature_c = load.temperature_celsius;
    gpu.in_use = config_.gpu_busy_percent > 0 && load.foreign_percent &&
                 *load.foreign_percent >= static_cast<double>(config_.gpu_busy_percent);
    if (gpu.in_use && !load.foreign_programs.empty()) gpu.used_by = load.foreign_programs.front();
  }
  return senses;
}

}  // namespace gogrid::worker
