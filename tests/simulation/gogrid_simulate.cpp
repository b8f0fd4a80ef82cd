// gogrid_simulate: runs simulated worlds and says which seed broke a rule, and how to see it again.
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include <unistd.h>

#include "simulation/world.hpp"

namespace {

using gogrid::simulation::Report;
using gogrid::simulation::Size;
using gogrid::simulation::World;

struct Options {
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  bool is_traced = false;
  Size size;
};

// How to run the world again that runs now; for the handler of SIGABRT, which may do little, as of SIGSEGV.
char replay[256];

void say_replay(int signal) {
  const char text[] = "\nthe scheduler gave up; replay with: ";
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0 || write(STDERR_FILENO, replay, std::strlen(replay)) < 0 ||
      write(STDERR_FILENO, "\n", 1) < 0) {
    _exit(1);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void usage(std::FILE* file) {
  std::fputs(
      "usage: gogrid_simulate [--seeds N] [--first S] [--seed S] [--trace] [--workers W] [--minutes M]\n"
      "  --seeds N    worlds to run (100)\n"
      "  --first S    the first one's seed (1)\n"
      "  --seed S     this one only\n"
      "  --trace      print every event\n"
      "  --workers W  in each world, instead of what the seed says\n"
      "  --minutes M  of trouble in each world, instead of what the seed says\n",
      file);
}

std::uint64_t number(const char* text) {
  std::uint64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [stopped, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stopped != end) {
    std::fprintf(stderr, "not a number: %s\n", text);
    std::exit(2);
  }
  return value;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--help") {
      usage(stdout);
      std::exit(0);
    }
    if (name == "--trace") {
      options.is_traced = true;
      continue;
    }
    if (i + 1 == argc) {
      usage(stderr);
      std::exit(2);
    }
    const std::uint64_t value = number(argv[++i]);
    if (name == "--seeds") {
      options.seeds = value;
    } else if (name == "--first") {
      options.first = value;
    } else if (name == "--seed") {
      options.first = value;
      options.seeds = 1;
    } else if (name == "--workers") {
      options.size.workers = value;
    } else if (name == "--minutes") {
      options.size.minutes = static_cast<unsigned>(value);
    } else {
      usage(stderr);
      std::exit(2);
    }
  }
  return options;
}

std::string replay_command(const Options& options, std::uint64_t seed) {
  std::string command = "gogrid_simulate --seed " + std::to_string(seed);
  if (options.size.workers > 0) command += " --workers " + std::to_string(options.size.workers);
  if (options.size.minutes > 0) command += " --minutes " + std::to_string(options.size.minutes);
  return command + " --trace";
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  std::signal(SIGABRT, say_replay);
  std::signal(SIGSEGV, say_replay);
  const std::clock_t start = std::clock();
  double virtual_seconds = 0;
  double unfairness = 0;
  std::size_t jobs = 0;
  std::size_t succeeded = 0;
  std::size_t answered = 0;
  std::uint64_t hash = 0;
  int failures = 0;
  for (std::uint64_t i = 0; i < options.seeds; ++i) {
    const std::uint64_t seed = options.first + i;
    std::snprintf(replay, sizeof replay, "%s", replay_command(options, seed).c_str());
    World world(seed, options.size, options.is_traced);
    const Report report = world.run();
    virtual_seconds += std::chrono::duration<double>(report.loaded_time).count();
    unfairness = std::max(unfairness, report.unfairness);
    jobs += report.jobs;
    succeeded += report.succeeded;
    answered += report.answered;
    hash = hash * 31 + report.trace_hash;
    if (!report.failure) continue;
    ++failures;
    std::printf("seed %llu broke \"%s\" after %.3f s: %s\n  replay: %s\n", static_cast<unsigned long long>(seed),
                report.failure->invariant.c_str(), std::chrono::duration<double>(report.all_time).count(),
                report.failure->text.c_str(), replay);
    std::fflush(stdout);
  }
  // What it takes does not depend on what else the machine does.
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  std::printf(
      "%llu worlds, %d broken; %zu jobs, %zu succeeded, %zu requests answered; shares within %.0f %% of their bound\n"
      "%.0f virtual seconds in %.1f s of one core: %.0f times as fast as real time; trace %016llx\n",
      static_cast<unsigned long long>(options.seeds), failures, jobs, succeeded, answered, unfairness * 100,
      virtual_seconds, seconds, virtual_seconds / seconds, static_cast<unsigned long long>(hash));
  return failures == 0 ? 0 : 1;
}
