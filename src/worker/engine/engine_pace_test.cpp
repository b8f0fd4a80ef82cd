// Proves that an engine that is paced computes for its share of the time, and goes on when it is not paced any more.
#include "worker/engine/engine_pace.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <sstream>

#include "base/task_group.hpp"
#include "worker/sandbox/process.hpp"
#include "worker/sandbox/process_tree.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// Its state's letter, and the nanoseconds that it has run.
char state_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  return text.at(text.rfind(')') + 2);
}

std::chrono::nanoseconds run_time(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/schedstat");
  std::int64_t nanoseconds = 0;
  file >> nanoseconds;
  return std::chrono::nanoseconds(nanoseconds);
}

asio::awaitable<void> take_turns(EnginePace& pace, int turns, double share) {
  for (int turn = 0; turn < turns; ++turn)
    co_await pace.turn(share);
}

TEST(EnginePace, ComputesForItsShareOfTheTime) {
  asio::io_context io(1);
  ProcessOptions options;
  // As the sandbox does: one process that waits, and one below it that computes.
  options.arguments = {"/bin/sh", "-c", "sh -c 'while :; do :; done' & wait"};
  auto started = Process::start(io.get_executor(), std::move(options));
  ASSERT_TRUE(started);
  const pid_t outermost = (*started)->pid();
  while (process_tree(outermost).size() < 2 || run_time(process_tree(outermost)[1]) < 10ms)
    io.run_for(1ms), io.restart();
  const pid_t engine = process_tree(outermost)[1];
  {
    EnginePace pace(io.get_executor(), **started);
    TaskGroup tasks(io.get_executor());
    const auto before = run_time(engine);
    const auto began = std::chrono::steady_clock::now();
    tasks.spawn("turns", take_turns(pace, 20, 0.25));
    run_until_done(io, tasks);
    const auto wall = std::chrono::steady_clock::now() - began;
    const double share = std::chrono::duration<double>(run_time(engine) - before) / std::chrono::duration<double>(wall);
    // Other programs may leave it less; a stop that comes late gives it more.
    EXPECT_LT(share, 0.5);
    EXPECT_GT(share, 0.0);
    EXPECT_NE(state_of(engine), 'T');

    // Broken off while it stands still.
    tasks.spawn("turns", take_turns(pace, 1000, 0.01));
    while (state_of(engine) != 'T')
      io.restart(), io.run_one();
    tasks.cancel();
    run_until_done(io, tasks);
  }
  EXPECT_NE(state_of(engine), 'T') << "it goes on";
  EXPECT_NE(state_of(outermost), 'T');
}

}  // namespace
}  // namespace gogrid::worker
