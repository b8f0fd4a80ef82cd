// Proves what is read of an engine's log, and of what the kernel says about its memory. The lines are llama-server's
// own, of Debian's 0.7.0, and of its CUDA builds.
#include "worker/engine/engine_log.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "worker/engine/process_memory.hpp"

namespace gogrid::worker {
namespace {

constexpr std::uint64_t mib = 1 << 20;

TEST(BufferLog, AddsUpWhatADeviceHolds) {
  BufferLog log;
  for (const char* line : {"0.00.365.728 I load_tensors: offloaded 5/5 layers to GPU",
                           "0.00.365.733 I load_tensors:   CPU_Mapped model buffer size =     0.38 MiB",
                           "0.00.365.734 I load_tensors:      Vulkan0 model buffer size =     3.50 MiB",
                           "0.00.365.735 I load_tensors:      Vulkan1 model buffer size =     7.00 MiB",
                           "0.00.388.735 I llama_context: Vulkan_Host  output buffer size =     0.01 MiB",
                           "0.00.389.036 I llama_kv_cache:    Vulkan0 KV buffer size =     3.00 MiB",
                           // A model with sliding windows has two caches.
                           "0.00.389.037 I llama_kv_cache:    Vulkan0 KV buffer size =     1.00 MiB",
                           "0.00.426.901 I sched_reserve:    Vulkan0 compute buffer size =     5.00 MiB",
                           // Reserved again, smaller.
                           "0.00.426.902 I sched_reserve:    Vulkan0 compute buffer size =     2.50 MiB",
                           "0.00.426.902 I sched_reserve: Vulkan_Host compute buffer size =     1.01 MiB",
                           "load_tensors: CUDA0_Split model buffer size = 100.00 MiB",
                           "0.00.500.000 I llama_dsv4: Vulkan1 DSV4 x state buffer size =     1.00 MiB"})
    log.feed(line);
  EXPECT_EQ(log.bytes_on("Vulkan0"), static_cast<std::uint64_t>(12.5 * mib));
  EXPECT_EQ(log.bytes_on("Vulkan1"), 8 * mib);
  EXPECT_EQ(log.bytes_on("CUDA0"), 100 * mib);
  EXPECT_EQ(log.bytes_on("CUDA"), 0u) << "no device's name";
  EXPECT_EQ(log.bytes_on("Vulkan10"), 0u);
}

TEST(BufferLog, WhatCannotBeMeantIsSkipped) {
  BufferLog log;
  for (const char* line :
       {"", " buffer size = ", "x buffer size = 1 MiB", "f: V0 buffer size = 1.0 MiB", "f: V0 model buffer size = MiB",
        "f: V0 model buffer size = -1 MiB", "f: V0 model buffer size = 1 GiB", "f: V0 model buffer size = nan MiB",
        "f: V0 model buffer size = 1e300 MiB", "f: V0 model buffer size is 1.0 MiB", ": : V0 buffer size = 1 MiB"})
    log.feed(line);
  EXPECT_EQ(log.bytes_on("V0"), 0u);
  for (int i = 0; i < 100'000; ++i)
    log.feed("f" + std::to_string(i) + ": V0 model buffer size = 1 MiB");
  EXPECT_EQ(log.bytes_on("V0"), BufferLog::max_buffers * mib);
  for (int i = 0; i < 100; ++i)
    log.feed("f1: V0 model buffer size = 1073741824 MiB");
  EXPECT_LT(log.bytes_on("V0"), std::uint64_t{1} << 51);
}

TEST(MemoryShortage, IsRecognisedInTheEnginesWords) {
  constexpr const char* no_room_for_context =
      "0.00.194.480 E llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache";
  constexpr const char* no_room_on_gpu =
      "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 144.00 MiB on device 4: cudaMalloc failed: out of memory";
  for (const char* line : {
           "0.00.174.628 E ggml_aligned_malloc: insufficient memory (attempted to allocate 2930.25 MB)",
           "0.00.174.656 E ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 3072589824",
           no_room_for_context,
           "./src/ggml.c:1655: GGML_ASSERT(ctx->mem_buffer != NULL) failed",
           "ggml_vulkan: Device memory allocation of size 118497280 failed.",
           "ggml_vulkan: vk::Device::allocateMemory: ErrorOutOfDeviceMemory",
           "terminate called after throwing an instance of 'vk::OutOfDeviceMemoryError'",
           no_room_on_gpu,
           "llama_model_load: error loading model: unable to allocate CUDA0 buffer",
           "CUDA error: out of memory",
           "terminate called after throwing an instance of 'std::bad_alloc'",
           "mmap failed: Cannot allocate memory",
       }) {
    EXPECT_EQ(memory_shortage("I listening\n" + std::string(line) + "\nE exiting due to model loading error"), line);
  }
  for (const char* line :
       {"", "error while handling argument \"--device\": invalid device: Vulkan7",
        "E llama_model_load: error loading model: tensor 'x' data is not within the file bounds",
        "I print_info: n_ctx_train = 2048", "E srv  llama_server: exiting due to model loading error"})
    EXPECT_EQ(memory_shortage(line), "") << line;
}

TEST(HostMemory, IsReadOffTheKernelsSums) {
  const auto memory = parse_smaps_rollup(
      "55a35e67c000-7ffdfd1f5000 ---p 00000000 00:00 0                          [rollup]\n"
      "Rss:                1772 kB\nPss:                 300 kB\nPss_Dirty:           116 kB\n"
      "Pss_Anon:            116 kB\nPss_File:            100 kB\nPss_Shmem:            84 kB\n"
      "Swap:                 50 kB\nSwapPss:              40 kB\n");
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->held_bytes, 240u * 1024);
  EXPECT_EQ(memory->mapped_bytes, 100u * 1024);
  const auto old = parse_smaps_rollup("Pss: 300 kB\n");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->held_bytes, 300u * 1024);
  for (const char* text : {"", "Pss:", "Pss: x kB", "Rss: 5 kB"})
    EXPECT_FALSE(parse_smaps_rollup(text)) << text;
  const auto own = read_host_memory(::getpid());
  ASSERT_TRUE(own);
  EXPECT_GT(own->held_bytes, 100'000u);
  EXPECT_GT(own->mapped_bytes, 100'000u) << "its program";
}

}  // namespace
}  // namespace gogrid::worker
