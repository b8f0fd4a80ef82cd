#include "domain/placement.hpp"

#include <gtest/gtest.h>

#include "domain/memory_ledger.hpp"

namespace gogrid::domain {
namespace {

constexpr std::uint64_t gigabyte = 1'000'000'000;

// 8 GB of weights and 2 GB of context in 10 layers, 0.5 GB for each device, 0.25 GB for the engine.
MemoryNeed need() {
  MemoryNeed need;
  need.weights_bytes = 8 * gigabyte;
  need.context_bytes = 2 * gigabyte;
  need.compute_bytes = gigabyte / 2;
  need.engine_bytes = gigabyte / 4;
  need.layers = 10;
  return need;
}

Room room(double host_gb, std::vector<double> device_gb) {
  Room room;
  room.host_bytes = static_cast<std::int64_t>(host_gb * 1e9);
  for (std::size_t i = 0; i < device_gb.size(); ++i)
    room.devices.push_back({"GPU" + std::to_string(i), 1, static_cast<std::int64_t>(device_gb[i] * 1e9)});
  return room;
}

TEST(Placement, AModelLiesWhereItFitsBest) {
  const struct {
    const char* what;
    Room room;
    Fit fit;
    std::uint32_t device_layers;
    std::vector<std::string> devices;
  } cases[] = {
      {"one GPU has room", room(1, {24}), Fit::one_gpu, 10, {"GPU0"}},
      {"the smaller of two that have", room(1, {24, 12}), Fit::one_gpu, 10, {"GPU1"}},
      {"two together", room(1, {7, 7}), Fit::several_gpus, 10, {"GPU0", "GPU1"}},
      {"the second is not needed", room(8, {8, 0.2}), Fit::partial, 7, {"GPU0"}},
      {"half of it", room(8, {6}), Fit::partial, 5, {"GPU0"}},
      {"a GPU that has room for no layer", room(11, {1}), Fit::cpu, 0, {}},
      {"no GPU", room(11, {}), Fit::cpu, 0, {}},
      {"a GPU that others fill", room(11, {-3}), Fit::cpu, 0, {}},
      {"half of it, and no memory for the rest", room(3, {6}), Fit::none, 0, {}},
      {"no memory for the engine itself", room(0.1, {24}), Fit::none, 0, {}},
      {"nothing", room(-1, {}), Fit::none, 0, {}},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.what);
    const FitResult result = fit(need(), one.room);
    ASSERT_EQ(to_string(result.fit), to_string(one.fit));
    EXPECT_EQ(result.device_layers, one.device_layers);
    if (result.fit == Fit::none) continue;
    const Placement placement = place(need(), one.room, result);
    EXPECT_EQ(placement.device_layers, one.device_layers);
    EXPECT_EQ(placement.model_layers, need().layers);
    std::vector<std::string> devices;
    for (const DeviceShare& share : placement.devices)
      devices.push_back(share.device);
    EXPECT_EQ(devices, one.devices);
    EXPECT_LE(placement.host_bytes, static_cast<std::uint64_t>(one.room.host_bytes));
  }
}

// Whatever the room, what is placed fits it, and all layers have a place.
TEST(Placement, NothingIsPlacedThatDoesNotFit) {
  for (double first = -1; first < 15; first += 0.7) {
    for (double second = -1; second < 15; second += 1.1) {
      for (double host = 0; host < 14; host += 0.9) {
        const Room its_room = room(host, {first, second});
        const FitResult result = fit(need(), its_room);
        if (result.fit == Fit::none) continue;
        const Placement placement = place(need(), its_room, result);
        ASSERT_LE(placement.host_bytes, static_cast<std::uint64_t>(its_room.host_bytes));
        for (const DeviceShare& share : placement.devices) {
          const Room::Device& device = its_room.devices[share.device == "GPU0" ? 0 : 1];
          ASSERT_LE(static_cast<std::int64_t>(share.expected_bytes), device.free_bytes) << first << " " << second;
        }
        ASSERT_EQ(placement.devices.empty(), placement.device_layers == 0);
      }
    }
  }
}

TEST(Placement, LayersCanBeHeldBack) {
  EXPECT_EQ(fit(need(), room(8, {24}), {6}).fit, Fit::partial);
  EXPECT_EQ(fit(need(), room(8, {24}), {6}).device_layers, 6u);
  EXPECT_EQ(fit(need(), room(11, {24}), {0}).fit, Fit::cpu);
}

TEST(Placement, AModelIsSpreadOverAllGpusAsTheirRoomAllows) {
  FitRules rules;
  rules.gpu_policy = GpuPolicy::spread;
  const struct {
    const char* what;
    Room room;
    Fit fit;
    // On each device.
    std::vector<std::uint64_t> layers;
  } cases[] = {
      {"it would fit on one", room(1, {24, 24}), Fit::several_gpus, {5, 5}},
      {"one is larger", room(1, {24, 16}), Fit::several_gpus, {9, 1}},
      {"three", room(1, {10, 10, 10}), Fit::several_gpus, {4, 3, 3}},
      {"one has room for no layer", room(1, {24, 1}), Fit::one_gpu, {10}},
      {"not all of it", room(8, {4, 4}), Fit::partial, {3, 3}},
      {"none of it", room(11, {1, 1}), Fit::cpu, {}},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.what);
    const FitResult result = fit(need(), one.room, rules);
    ASSERT_EQ(to_string(result.fit), to_string(one.fit));
    std::vector<std::uint64_t> layers;
    for (const DeviceShare& share : place(need(), one.room, result).devices)
      layers.push_back((share.expected_bytes - need().compute_bytes) / need().layer_bytes(1));
    EXPECT_EQ(layers, one.layers);
  }
  EXPECT_EQ(fit(need(), room(1, {24}), rules).fit, Fit::one_gpu);
}

TEST(Placement, AModelMayAskForGpusByTheirNames) {
  const EngineDevice device{"CUDA1", "NVIDIA GeForce RTX 4090", 24 * gigabyte, 24 * gigabyte, 0};
  Model model;
  EXPECT_TRUE(may_use(device, model));
  model.gpus = {"3090"};
  EXPECT_FALSE(may_use(device, model));
  model.gpus = {"3090", "rtx 4090"};
  EXPECT_TRUE(may_use(device, model));
  model.gpus = {"cuda1"};
  EXPECT_TRUE(may_use(device, model));
}

TEST(Placement, WhatWasMeasuredCountsInsteadOfTheEstimate) {
  MemoryNeed its_need = need();
  EXPECT_EQ(fit(its_need, room(1, {8})).fit, Fit::none);
  its_need.measured.resize(2);
  its_need.measured[1].whole_bytes = 7 * gigabyte;
  EXPECT_EQ(fit(its_need, room(1, {8})).fit, Fit::one_gpu);
  EXPECT_EQ(its_need.device_bytes(1), 7 * gigabyte + 7 * gigabyte / 50);
  // And the other way round: it takes more than it should.
  its_need.measured[1].whole_bytes = 23 * gigabyte;
  its_need.measured[1].layer_bytes = 23 * gigabyte / 10;
  EXPECT_EQ(fit(its_need, room(8, {20})).fit, Fit::partial);
}

TEST(Placement, TheBestWorkerIsTheOneWithTheBestFitThenTheLeastTrouble) {
  const auto score = [](auto change) {
    Score its_score;
    its_score.fit = Fit::one_gpu;
    change(its_score);
    return its_score;
  };
  const Score best = score([](Score& s) { s.left_bytes = 5; });
  const Score worse[] = {
      score([](Score& s) { s.left_bytes = 6; }),     score([](Score& s) { s.other_models = 1; }),
      score([](Score& s) { s.slowness = 1; }),       score([](Score& s) { s.fetches = true; }),
      score([](Score& s) { s.reduced = true; }),     score([](Score& s) { s.unstable = true; }),
      score([](Score& s) { s.repeats = true; }),     score([](Score& s) { s.evicts = true; }),
      score([](Score& s) { s.fit = Fit::partial; }),
  };
  for (std::size_t i = 0; i < std::size(worse); ++i) {
    EXPECT_LT(i == 0 ? best : worse[i - 1], worse[i]) << i;
  }
}

TEST(MemoryNeed, TheContextCountsAsItIsKept) {
  Model model;
  model.size_bytes = 4 * gigabyte;
  model.context_tokens = 8192;
  model.slots = 2;
  EXPECT_EQ(estimate_memory(model, 8192).context_bytes, model.size_bytes / 5) << "its header does not say";
  model.shape = {32, 131072, 4096, 128256};
  EXPECT_EQ(estimate_memory(model, 8192).context_bytes, 131072u * 8192 * 2);
  EXPECT_EQ(estimate_memory(model, 4096).context_bytes, 131072u * 4096 * 2);
  model.kv_type = KvType::q8_0;
  EXPECT_EQ(estimate_memory(model, 8192).context_bytes, 131072u / 64 * 34 * 8192 * 2);
  model.kv_type = KvType::q4_0;
  EXPECT_EQ(estimate_memory(model, 8192).context_bytes, 131072u / 64 * 18 * 8192 * 2);
  EXPECT_EQ(estimate_memory(model, 8192).layers, 33u);
}

TEST(MemoryLedger, TheMostCountsAndSmallChangesAreNoNews) {
  MemoryLedger ledger;
  MemoryKey key;
  key.model_sha256 = "a";
  EXPECT_EQ(ledger.record(key, {1000, 100, 50}), (MeasuredMemory{1000, 100, 50}));
  EXPECT_EQ(ledger.record(key, {1000, 100, 50}), std::nullopt);
  EXPECT_EQ(ledger.record(key, {1040, 90, 50}), std::nullopt) << "within a twentieth";
  EXPECT_EQ(ledger.record(key, {1200, 90, 50}), (MeasuredMemory{1200, 100, 50}));
  EXPECT_EQ(ledger.record(key, {500, 10, 5}), std::nullopt);
  key.context_tokens = 1;
  EXPECT_EQ(ledger.record(key, {500, 10, 5}), (MeasuredMemory{500, 10, 5}));
  EXPECT_EQ(ledger.entries().size(), 2u);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    key.context_tokens = i;
    ledger.record(key, {1, 1, 1});
  }
  EXPECT_LT(ledger.entries().size(), 100u) << "of one model";
  for (int i = 0; i < 20'000; ++i) {
    key.model_sha256 = std::to_string(i);
    ledger.record(key, {1, 1, 1});
  }
  EXPECT_LE(ledger.entries().size(), 10'000u);
}

}  // namespace
}  // namespace gogrid::domain
