// Scenario: what a seed makes of a world: who is in it and what goes wrong how often. Each world has only some of the
// troubles, so that none hides what another would show. Values.
#pragma once

#include <vector>

#include "simulation/coordinator.hpp"
#include "simulation/random.hpp"
#include "simulation/virtual_client.hpp"
#include "simulation/virtual_worker.hpp"

namespace gogrid::simulation {

struct Size {
  // 0: as the seed has it.
  std::size_t workers = 0;
  unsigned minutes = 0;
};

// Between two of each, on average; zero is never.
struct Troubles {
  Duration coordinator_crash{0};
  Duration disk_error{0};
  Duration disk_stall{0};
  Duration clock_jump{0};
  Duration worker_crash{0};
  Duration connection_loss{0};
  Duration partition{0};
  Duration slow_link{0};
  Duration straggler{0};
  Duration pause{0};
  Duration drain{0};
  Duration refusal{0};
  Duration engine_failure{0};
  Duration model_change{0};
  Duration key_change{0};
};

struct Scenario {
  Coordinator::Settings coordinator;
  std::vector<VirtualWorker::Traits> workers;
  std::vector<VirtualClient::Habits> clients;
  Troubles troubles;
  Duration duration{0};
};

Scenario make_scenario(Random& random, Size size);

}  // namespace gogrid::simulation
