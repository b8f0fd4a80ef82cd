// What comes from drivers and the kernel: surveys of the child that drivers run in, uses of GPUs in fdinfo, and events.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "worker/gpu/hotplug.hpp"
#include "worker/gpu/survey_json.hpp"
#include "worker/gpu/sysfs.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gogrid::worker;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)concerns_hardware(text);
  const DrmUse use = parse_fdinfo(text);
  if (!use.gpu_id.empty() && use.gpu_id.size() != 16) std::abort();
  (void)pci_gpu_id(text);
  const auto survey = read_survey(text);
  if (!survey) return 0;
  if (survey->gpus.size() > max_gpus) std::abort();
  // What was read can be written, and is the same when it is read again.
  const auto again = read_survey(to_line(*survey));
  if (!again || !(*again == *survey)) std::abort();
  return 0;
}
