// What the engine of a virtual worker finds in a job or a request; the coordinator cannot see it. Values.
#pragma once

#include <cstdint>

#include "domain/job.hpp"

namespace gogrid::simulation {

enum class Nature {
  ordinary,
  fails,         // the engine cannot do it, ever
  rejected,      // the engine refuses the request itself
  kills_engine,  // and whatever else runs in that engine fails with it
  kills_worker,  // the whole daemon, which starts again without what it held
  hangs,         // never ends
};

struct Work {
  Nature nature = Nature::ordinary;
  domain::Usage usage;
};

}  // namespace gogrid::simulation
