#include "domain/outlook.hpp"

#include <cstdio>
#include <vector>

namespace gogrid::domain {
namespace {

// The last words of an engine can be long; one line of an error message is not the place for all of it.
constexpr std::size_t max_detail_bytes = 200;

std::string count_of(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string gigabytes(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GB", static_cast<double>(bytes) / 1e9);
  return text;
}

std::string in_brackets(const std::string& detail) {
  const std::string line = detail.substr(0, detail.find('\n'));
  if (line.empty()) return "";
  std::size_t length = std::min(line.size(), max_detail_bytes);
  // Not in the middle of a UTF-8 sequence.
  while (length < line.size() && length > 0 && (static_cast<unsigned char>(line[length]) & 0xc0) == 0x80)
    --length;
  return " (" + line.substr(0, length) + ")";
}

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts)
    text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string describe_misfits(const Outlook& outlook) {
  std::vector<std::string> parts;
  if (outlook.without_memory > 0) {
    parts.push_back(std::to_string(outlook.without_memory) + " with too little memory (it needs " +
                    gigabytes(outlook.needed_bytes) + "; the most is " + gigabytes(outlook.most_bytes) + " on " +
                    outlook.most_bytes_on + ")");
  }
  if (outlook.without_engine > 0) {
    parts.push_back(std::to_string(outlook.without_engine) + " without an engine bundle for " +
                    outlook.target_without_engine + " (add one with: gogrid engine add)");
  }
  if (outlook.without_labels > 0) {
    parts.push_back(std::to_string(outlook.without_labels) +
                    " without the labels it asks for (set them with: gogrid worker label)");
  }
  if (outlook.without_gpus > 0)
    parts.push_back(std::to_string(outlook.without_gpus) + " without a GPU that it may use (its setting gpus)");
  return join(parts);
}

}  // namespace

std::string describe(const Outlook& outlook) {
  if (outlook.workers_connected == 0 && outlook.lost == 0) return "no worker is connected";
  if (outlook.workers_that_can() == 0) {
    return "no worker can hold this model; " + count_of(outlook.workers_connected, "worker") +
           (outlook.workers_connected == 1 ? " is" : " are") + " connected: " + describe_misfits(outlook);
  }
  std::vector<std::string> parts;
  const auto add = [&parts](std::size_t count, const std::string& what) {
    if (count > 0) parts.push_back(std::to_string(count) + " " + what);
  };
  add(outlook.ready,
      "ready (" + std::to_string(outlook.slots_busy) + " of " + count_of(outlook.slots, "slot") + " busy)");
  add(outlook.paused, outlook.paused == 1 ? "paused by its owner" : "paused by their owners");
  add(outlook.loading, outlook.loading_detail.empty() ? "loading" : outlook.loading_detail);
  add(outlook.vacant, "with room for it");
  add(outlook.occupied, "whose memory other models have");
  add(outlook.lost, "connecting again");
  add(outlook.draining, "shutting down");
  add(outlook.refusing, "cannot run work" + in_brackets(outlook.refusing_detail));
  add(outlook.failing, "failing to start its engine" + in_brackets(outlook.failing_detail));
  add(outlook.quarantined, "left out" + in_brackets(outlook.quarantine_detail));
  const std::size_t count = outlook.workers_that_can();
  const bool may = outlook.vacant + outlook.occupied > 0;
  return count_of(count, "worker") +
         (may          ? " can have"
          : count == 1 ? " has"
                       : " have") +
         " this model: " + join(parts);
}

}  // namespace gogrid::domain
