// What a hostile worker may send: frames cut into reads as the network likes, taken as control and as work frames. The
// first byte is the size of the reads.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "domain/scheduler.hpp"
#include "wire/frame.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"

using namespace gogrid;

namespace {

void judge(std::string_view payload) {
  const auto data = wire::data_in(payload);
  const auto work = wire::decode_frame<wire::WorkerWorkFrame>(payload);
  // The short cut and the parser agree.
  if (data && work && work->kind_case() == wire::WorkerWorkFrame::kData && work->data() != *data) std::abort();
  const auto control = wire::decode_frame<wire::WorkerFrame>(payload);
  if (!control) return;
  const domain::WorkerId worker("wk");
  const SteadyTime now{std::chrono::hours(1)};
  domain::Scheduler scheduler{domain::SchedulerLimits{}};
  scheduler.model_added(domain::Model{domain::ModelId("m"), "m", domain::ModelKind::chat, "s", 1000, 512, 2}, now);
  domain::WorkerFacts facts = wire::to_facts(control->hello());
  facts.has_local_engine = true;
  scheduler.worker_connected(worker, std::move(facts), now);
  scheduler.worker_reported(worker, wire::to_report(control->state()), now);
  scheduler.request_submitted({domain::RequestId("r"), domain::ModelId("m"), Deadline::never()}, now);
  scheduler.check_invariants();
  if (domain::describe(scheduler.outlook(domain::ModelId("m"))).empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = data[0] % 64 + 1;
  wire::FrameReader reader;
  while (!bytes.empty()) {
    const auto space = reader.prepare();
    if (space.empty() || space.size() > 2 * wire::max_frame_bytes) std::abort();
    const std::size_t count = std::min({step, space.size(), bytes.size()});
    std::memcpy(space.data(), bytes.data(), count);
    reader.commit(count);
    bytes.remove_prefix(count);
    for (;;) {
      const auto payload = reader.next();
      if (!payload) return 0;
      if (!*payload) break;
      judge(**payload);
    }
  }
  return 0;
}
