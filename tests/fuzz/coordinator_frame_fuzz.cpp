// What a hostile coordinator may send, taken as control and as work frames.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/sha256.hpp"
#include "frames.hpp"
#include "wire/frame.hpp"
#include "wire/worker_messages.hpp"
#include "worker/assignment_message.hpp"
#include "worker/engine/device_list.hpp"
#include "worker/plan.hpp"

using namespace gogrid;
using namespace gogrid::worker;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_spec(const ReplicaSpec& spec) {
  check(!spec.key.model_id.empty() && spec.slots >= 1);
  // An argument of the engine's, as the system passes it.
  check(!spec.model_name.empty() && spec.model_name.front() != '-');
  check(std::strlen(spec.model_name.c_str()) == spec.model_name.size());
  check(std::any_of(spec.files.begin(), spec.files.end(),
                    [](const FileSpec& file) { return file.role == FileRole::weights; }));
  for (const FileSpec& file : spec.files)
    check(is_sha256(file.blob.sha256));
  if (!spec.placement) return;
  for (const DeviceShare& share : spec.placement->devices)
    check(is_device_name(share.device));
}

// The coordinator reads in Hello what it assigned.
void check_held(const std::vector<ReplicaSpec>& specs) {
  wire::Hello hello;
  for (const ReplicaSpec& spec : specs)
    *hello.add_held() = to_held(spec);
  check(hello.ByteSizeLong() < wire::max_frame_bytes * 3 / 4);
  const auto facts = wire::to_facts(hello);
  check(facts.held.size() == specs.size());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const domain::HeldReplica& held = facts.held[i];
    check(held.model.text() == specs[i].key.model_id && held.copy == specs[i].key.copy);
    check(held.context_tokens == specs[i].context_tokens);
    check(held.placement.has_value() == specs[i].placement.has_value());
    if (held.placement) check(held.placement->devices.size() == specs[i].placement->devices.size());
  }
}

// What an assignment asks for is done, and then nothing is left to do.
void check_plan(const std::vector<ReplicaSpec>& specs) {
  const ReplicaPlan plan = plan_replicas({}, specs);
  check(plan.stop.empty());
  const ReplicaPlan rest = plan_replicas(plan.start, specs);
  check(rest.stop.empty() && rest.start.empty());
}

void judge(std::string_view payload) {
  const auto data = wire::data_in(payload);
  const auto work = wire::decode_frame<wire::CoordinatorWorkFrame>(payload);
  // The short cut and the parser agree.
  if (data && work && work->kind_case() == wire::CoordinatorWorkFrame::kData) check(work->data() == *data);
  const auto control = wire::decode_frame<wire::CoordinatorFrame>(payload);
  if (!control) return;
  const auto specs = read_replicas(control->assignment());
  for (const ReplicaSpec& spec : specs)
    check_spec(spec);
  check_held(specs);
  check_plan(specs);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  LogOptions quiet;
  quiet.level = "off";
  check(start_logging(quiet).has_value());
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::each_frame({reinterpret_cast<const char*>(data), size}, judge);
  return 0;
}
