#include "worker/engine/engine_log.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace gogrid::worker {
namespace {

constexpr std::string_view size_mark = " buffer size = ";
constexpr std::string_view compute_kind = "compute";
constexpr double mebibyte = 1024.0 * 1024.0;
constexpr double max_mebibytes = 1024.0 * 1024.0 * 1024.0;
constexpr std::size_t max_word_bytes = 64;

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::string_view last_word(std::string_view text) {
  text = trim(text);
  const auto space = text.rfind(' ');
  return space == std::string_view::npos ? text : text.substr(space + 1);
}

// As llama.cpp 0.7's libraries and programs say it, of any backend. Seen with limits on memory: the host's. From its
// sources: Vulkan's, CUDA's and HIP's.
constexpr std::array<std::string_view, 15> shortages = {
    "ErrorOutOfDeviceMemory",
    "ErrorOutOfHostMemory",
    "OutOfDeviceMemoryError",
    "OutOfHostMemoryError",
    "Device memory allocation of size",
    ": out of memory",  // "cudaMalloc failed: out of memory", "CUDA error: out of memory", "ROCm error: out of memory"
    "std::bad_alloc",
    "bad_alloc error",
    "insufficient memory",
    "failed to allocate",
    "unable to allocate",
    "compute buffer allocation failed",
    "(failed to allocate memory)",
    "Cannot allocate memory",
    "GGML_ASSERT(ctx->mem_buffer != NULL) failed",
};

}  // namespace

void BufferLog::feed(std::string_view line) {
  const auto mark = line.find(size_mark);
  if (mark == std::string_view::npos) return;
  const std::string_view head = line.substr(0, mark);
  const auto colon = head.rfind(": ");
  if (colon == std::string_view::npos) return;
  const std::string_view maker = last_word(head.substr(0, colon));
  const std::string_view what = trim(head.substr(colon + 2));
  const auto space = what.find(' ');
  if (space == std::string_view::npos) return;
  const std::string_view device = what.substr(0, space);
  const std::string_view kind = trim(what.substr(space));
  const std::string_view size = trim(line.substr(mark + size_mark.size()));
  double mebibytes = 0;
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), mebibytes);
  if (error != std::errc() || !size.substr(static_cast<std::size_t>(end - size.data())).starts_with(" MiB")) return;
  if (!(mebibytes >= 0 && mebibytes <= max_mebibytes)) return;
  if (maker.size() > max_word_bytes || device.size() > max_word_bytes || kind.size() > max_word_bytes) return;
  Buffer buffer{std::string(maker), std::string(device), std::string(kind)};
  if (buffers_.size() >= max_buffers && !buffers_.contains(buffer)) return;
  const auto bytes = static_cast<std::uint64_t>(mebibytes * mebibyte);
  std::uint64_t& sum = buffers_[std::move(buffer)];
  // Room for computing is reserved anew in place of what was reserved before; everything else is more of the same.
  const std::uint64_t both = kind == compute_kind ? std::max(sum, bytes) : sum + bytes;
  sum = std::min(both, static_cast<std::uint64_t>(max_mebibytes * mebibyte));
}

std::uint64_t BufferLog::bytes_on(std::string_view device) const {
  std::uint64_t bytes = 0;
  for (const auto& [buffer, size] : buffers_) {
    const std::string_view place = std::get<1>(buffer);
    if (place.starts_with(device) && (place.size() == device.size() || place[device.size()] == '_')) bytes += size;
  }
  return bytes;
}

std::string_view memory_shortage(std::string_view log) {
  while (!log.empty()) {
    const auto end = log.find('\n');
    const std::string_view line = log.substr(0, end);
    for (const std::string_view shortage : shortages) {
      if (line.find(shortage) != std::string_view::npos) return line;
    }
    log.remove_prefix(end == std::string_view::npos ? log.size() : end + 1);
  }
  return {};
}

}  // namespace gogrid::worker
