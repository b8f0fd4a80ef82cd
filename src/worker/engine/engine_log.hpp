// What an engine's log says about memory: the buffers it made on each device, and that memory was short. The engine is
// a foreign program: everything it says is bounded. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

namespace gogrid::worker {

// Adds up lines such as "load_tensors:      Vulkan0 model buffer size =     3.76 MiB", which llama-server writes at
// verbosity 4.
class BufferLog {
 public:
  static constexpr std::size_t max_buffers = 1024;

  void feed(std::string_view line);
  // A device's buffers, those of its parts included ("CUDA0_Split"); memory of the host beside it ("Vulkan_Host") is
  // none.
  std::uint64_t bytes_on(std::string_view device) const;

 private:
  // Who made it, where, of which kind.
  using Buffer = std::tuple<std::string, std::string, std::string>;
  std::map<Buffer, std::uint64_t> buffers_;
};

// The line that tells that memory was short, of what an engine wrote before it ended; empty: none does. An engine that
// goes on after such a line has found another way.
std::string_view memory_shortage(std::string_view log);

}  // namespace gogrid::worker
