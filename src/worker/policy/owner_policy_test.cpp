// Proves which facts pause the machine or a part of it, in which order they are told, what the owner's rules change
// about it, and that what flickers does not make it flap.
#include "worker/policy/owner_policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace gogrid::worker {
namespace {

using namespace std::chrono_literals;
using Activity = OwnerSenses::Activity;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto long_enough = 10min;

// Noon on a Tuesday.
PolicyTime noon(SteadyTime::duration later = 0s) {
  PolicyTime time;
  time.steady = SteadyTime(1000s) + later;
  time.system = SystemTime(1'750'000'000s) + std::chrono::duration_cast<SystemTime::duration>(later);
  const int minute = 12 * 60 + static_cast<int>(std::chrono::duration_cast<std::chrono::minutes>(later).count());
  time.local = {1 + minute / (24 * 60), minute % (24 * 60)};
  time.into_minute = std::chrono::duration_cast<std::chrono::milliseconds>(later % 1min);
  return time;
}

// All that can be known, and nothing of it in the way.
OwnerSenses quiet() {
  OwnerSenses senses;
  senses.activity = Activity::idle;
  senses.gpus["pci:1"].temperature_c = 50;
  return senses;
}

OwnerRules rules() {
  OwnerRules rules;
  rules.max_temperature_c = 85;
  return rules;
}

std::vector<PauseCode> codes(const std::vector<Pause>& pauses) {
  std::vector<PauseCode> codes;
  codes.reserve(pauses.size());
  for (const Pause& pause : pauses)
    codes.push_back(pause.code);
  return codes;
}

// What brings a reason about, and the words for the owner and for others.
struct Cause {
  PauseCode code;
  std::function<void(OwnerPolicy&, OwnerRules&, OwnerSenses&)> apply;
  const char* part;
  const char* text;
  const char* text_for_others;
};

const std::vector<Cause>& causes() {
  static const std::vector<Cause> table = {
      {PauseCode::by_owner, [](auto& policy, auto&, auto&) { policy.set_owner_pause(OwnerPause()); }, "",
       "you paused it", "paused by its owner"},
      {PauseCode::going_to_sleep, [](auto&, auto&, auto& senses) { senses.going_to_sleep = true; }, "",
       "the computer is going to sleep", "it is going to sleep"},
      {PauseCode::update_pending, [](auto&, auto&, auto& senses) { senses.update_pending = true; }, "",
       "an update is about to be installed", "an update is about to be installed"},
      {PauseCode::outside_schedule,
       [](auto&, auto& rules, auto&) { rules.schedule = *domain::Schedule::parse("tue 18:00-20:00"); }, "",
       "outside the hours of the schedule", "outside the hours of its schedule"},
      {PauseCode::on_battery, [](auto&, auto&, auto& senses) { senses.on_battery = true; }, "",
       "the computer runs on battery", "it runs on battery"},
      {PauseCode::too_hot, [](auto&, auto&, auto& senses) { senses.gpus["pci:1"].temperature_c = 91.4; }, "pci:1",
       "the GPU is too hot (it may have 85 °C)", "the GPU is too hot (it may have 85 °C)"},
      {PauseCode::user_active, [](auto&, auto&, auto& senses) { senses.activity = Activity::active; }, "",
       "you are using the computer", "its owner is using it"},
      {PauseCode::exclusive_app, [](auto&, auto&, auto& senses) { senses.exclusive_app = "blender"; }, "",
       "blender is running", "its owner is using it"},
      {PauseCode::full_screen, [](auto&, auto&, auto& senses) { senses.full_screen_app = "mpv"; }, "",
       "mpv fills the screen", "its owner is using it"},
      {PauseCode::gpu_in_use,
       [](auto&, auto&, auto& senses) {
         senses.gpus["pci:1"].in_use = true;
         senses.gpus["pci:1"].used_by = "darktable";
       },
       "pci:1", "darktable is using the GPU", "its owner is using the GPU"},
      {PauseCode::cpu_busy, [](auto&, auto&, auto& senses) { senses.cpu_busy = true; }, "cpu",
       "other programs need the processor", "its owner is using it"},
      {PauseCode::memory_short, [](auto&, auto&, auto& senses) { senses.memory_short = true; }, "",
       "other programs need the memory", "its memory is short"},
      {PauseCode::metered_network, [](auto&, auto&, auto& senses) { senses.metered_network = true; }, "",
       "the network connection is metered", "its network is metered"},
      {PauseCode::low_disk, [](auto&, auto&, auto& senses) { senses.low_disk = true; }, "", "the disk is almost full",
       "its disk is almost full"},
      {PauseCode::activity_unknown,
       [](auto&, auto& rules, auto& senses) {
         senses.activity = Activity::unknown;
         rules.work_when_activity_unknown = false;
       },
       "", "nothing tells whether you are using the computer", "it cannot tell whether its owner is using it"},
  };
  return table;
}

std::vector<Pause> pauses_of(const std::vector<const Cause*>& applied, OwnerRules with = rules()) {
  OwnerPolicy policy;
  OwnerSenses senses = quiet();
  for (const Cause* cause : applied)
    cause->apply(policy, with, senses);
  policy.set_rules(with);
  policy.sense(senses, noon().steady);
  return policy.pauses(noon(1min));
}

TEST(OwnerPolicy, WorksWhileNothingIsInTheWay) { EXPECT_THAT(pauses_of({}), IsEmpty()); }

TEST(OwnerPolicy, EveryReasonPausesWhatItConcernsAndSaysSo) {
  ASSERT_EQ(causes().size(), static_cast<std::size_t>(pause_codes));
  for (const Cause& cause : causes()) {
    const auto pauses = pauses_of({&cause});
    ASSERT_EQ(pauses.size(), 1u) << to_string(cause.code);
    EXPECT_EQ(pauses[0].code, cause.code);
    EXPECT_EQ(pauses[0].part, cause.part) << to_string(cause.code);
    EXPECT_EQ(pauses[0].text, cause.text);
    EXPECT_EQ(pauses[0].text_for_others, cause.text_for_others);
    EXPECT_EQ(machine_pause(pauses) != nullptr, pauses[0].part.empty()) << to_string(cause.code);
  }
}

// Others see what to expect of the machine, and nothing of what its owner runs on it.
TEST(OwnerPolicy, NamesNoProgramToOthers) {
  for (const Cause& cause : causes()) {
    for (const Pause& pause : pauses_of({&cause})) {
      for (const char* program : {"blender", "mpv", "darktable"})
        EXPECT_EQ(pause.text_for_others.find(program), std::string::npos) << pause.text_for_others;
    }
  }
}

TEST(OwnerPolicy, TellsEachPairOfReasonsInTheOrderOfTheCodes) {
  for (const Cause& first : causes()) {
    for (const Cause& second : causes()) {
      const bool excluded = first.code == second.code ||
                            // Activity is either known or not.
                            (first.code == PauseCode::user_active && second.code == PauseCode::activity_unknown) ||
                            (first.code == PauseCode::activity_unknown && second.code == PauseCode::user_active);
      if (excluded) continue;
      const auto told = codes(pauses_of({&first, &second}));
      EXPECT_THAT(told, ElementsAre(std::min(first.code, second.code), std::max(first.code, second.code)))
          << to_string(first.code) << " and " << to_string(second.code);
    }
  }
}

TEST(OwnerPolicy, TellsAllThatHoldTogether) {
  std::vector<const Cause*> all;
  std::vector<PauseCode> expected;
  for (const Cause& cause : causes()) {
    if (cause.code == PauseCode::activity_unknown) continue;
    all.push_back(&cause);
    expected.push_back(cause.code);
  }
  EXPECT_EQ(codes(pauses_of(all)), expected);
}

TEST(OwnerPolicy, LetsTheOwnersRulesDecide) {
  const struct {
    PauseCode code;
    std::function<void(OwnerRules&)> change;
  } table[] = {
      {PauseCode::user_active, [](OwnerRules& r) { r.pause_on_activity = false; }},
      {PauseCode::on_battery, [](OwnerRules& r) { r.work_on_battery = true; }},
      {PauseCode::metered_network, [](OwnerRules& r) { r.work_on_metered_network = true; }},
      {PauseCode::full_screen, [](OwnerRules& r) { r.pause_on_full_screen = false; }},
      {PauseCode::too_hot, [](OwnerRules& r) { r.max_temperature_c = 0; }},
      {PauseCode::too_hot, [](OwnerRules& r) { r.max_temperature_c = 95; }},
  };
  for (const auto& row : table) {
    OwnerRules changed = rules();
    row.change(changed);
    EXPECT_THAT(pauses_of({&causes()[static_cast<std::size_t>(row.code)]}, changed), IsEmpty()) << to_string(row.code);
  }
  // With nobody to yield to, it does not matter that nothing tells whether somebody is there.
  OwnerRules changed = rules();
  changed.pause_on_activity = false;
  EXPECT_THAT(pauses_of({&causes().back()}, changed), IsEmpty());
}

bool stops(const std::vector<Pause>& pauses, std::string_view part) {
  return std::any_of(pauses.begin(), pauses.end(), [&](const Pause& pause) { return stops_part(pause, part); });
}

TEST(OwnerPolicy, PartsThatTheOwnerDoesNotNeedGoOn) {
  OwnerRules with = rules();
  with.work_while_active = {"cpu", "pci:2"};
  for (const PauseCode code : {PauseCode::user_active, PauseCode::exclusive_app, PauseCode::full_screen}) {
    const auto pauses = pauses_of({&causes()[static_cast<std::size_t>(code)]}, with);
    EXPECT_EQ(machine_pause(pauses), nullptr);
    EXPECT_FALSE(stops(pauses, "cpu"));
    EXPECT_FALSE(stops(pauses, "pci:2"));
    EXPECT_TRUE(stops(pauses, "pci:1"));
  }
  for (const PauseCode code : {PauseCode::by_owner, PauseCode::on_battery, PauseCode::outside_schedule}) {
    const auto pauses = pauses_of({&causes()[static_cast<std::size_t>(code)]}, with);
    EXPECT_NE(machine_pause(pauses), nullptr);
    EXPECT_TRUE(stops(pauses, "cpu"));
  }
}

TEST(OwnerPolicy, AGpuThatIsInUseOrHotStopsOnlyItself) {
  for (const PauseCode code : {PauseCode::too_hot, PauseCode::gpu_in_use}) {
    const auto pauses = pauses_of({&causes()[static_cast<std::size_t>(code)]});
    EXPECT_TRUE(stops(pauses, "pci:1"));
    EXPECT_FALSE(stops(pauses, "pci:2"));
    EXPECT_FALSE(stops(pauses, "cpu"));
  }
  const auto busy = pauses_of({&causes()[static_cast<std::size_t>(PauseCode::cpu_busy)]});
  EXPECT_TRUE(stops(busy, "cpu"));
  EXPECT_FALSE(stops(busy, "pci:1"));
}

TEST(OwnerPolicy, AGpuThatIsGoneStopsNothing) {
  OwnerPolicy policy;
  policy.set_rules(rules());
  OwnerSenses senses = quiet();
  senses.gpus["pci:1"].in_use = true;
  policy.sense(senses, noon().steady);
  EXPECT_FALSE(policy.pauses(noon(1min)).empty());
  senses.gpus.clear();
  policy.sense(senses, noon(1min).steady);
  EXPECT_THAT(policy.pauses(noon(1min)), IsEmpty());
}

// What the owner notices is felt within the moment; what flickers by nature has to last.
TEST(OwnerPolicy, PausesAndComesBackAfterTheTimesThatFitTheReason) {
  const struct {
    PauseCode code;
    SteadyTime::duration onset, release;
  } table[] = {
      {PauseCode::on_battery, 0s, 10s},  {PauseCode::user_active, 0s, 0s},      {PauseCode::exclusive_app, 0s, 10s},
      {PauseCode::full_screen, 0s, 10s}, {PauseCode::too_hot, 0s, 60s},         {PauseCode::gpu_in_use, 12s, 30s},
      {PauseCode::cpu_busy, 10s, 60s},   {PauseCode::memory_short, 0s, 120s},   {PauseCode::metered_network, 0s, 10s},
      {PauseCode::low_disk, 0s, 60s},    {PauseCode::activity_unknown, 5s, 0s}, {PauseCode::update_pending, 0s, 0s},
  };
  for (const auto& row : table) {
    OwnerPolicy policy;
    OwnerRules with = rules();
    OwnerSenses senses = quiet();
    causes()[static_cast<std::size_t>(row.code)].apply(policy, with, senses);
    policy.set_rules(with);
    policy.sense(quiet(), noon().steady);
    policy.sense(senses, noon(1s).steady);
    if (row.onset > 0s) {
      EXPECT_THAT(policy.pauses(noon(1s)), IsEmpty()) << to_string(row.code);
      EXPECT_EQ(policy.next_change(noon(1s)), noon(1s + row.onset).steady) << to_string(row.code);
      EXPECT_THAT(policy.pauses(noon(1s + row.onset - 1ms)), IsEmpty()) << to_string(row.code);
    }
    EXPECT_EQ(policy.pauses(noon(1s + row.onset)).size(), 1u) << to_string(row.code);
    policy.sense(quiet(), noon(long_enough).steady);
    if (row.release > 0s) {
      EXPECT_EQ(policy.next_change(noon(long_enough)), noon(long_enough + row.release).steady) << to_string(row.code);
      const auto still = policy.pauses(noon(long_enough + row.release - 1ms));
      ASSERT_EQ(still.size(), 1u) << to_string(row.code);
      EXPECT_EQ(still[0].text, causes()[static_cast<std::size_t>(row.code)].text) << "it keeps its name";
    }
    EXPECT_THAT(policy.pauses(noon(long_enough + row.release)), IsEmpty()) << to_string(row.code);
    EXPECT_EQ(policy.next_change(noon(long_enough + row.release)), std::nullopt);
  }
}

TEST(OwnerPolicy, DoesNotFlapWithInputThatDoes) {
  for (const Cause& cause : causes()) {
    // The owner's own decisions, and activity, which was waited for, count as they are.
    if (cause.code <= PauseCode::outside_schedule || cause.code == PauseCode::user_active ||
        cause.code == PauseCode::activity_unknown)
      continue;
    OwnerPolicy policy;
    OwnerRules with = rules();
    OwnerSenses senses = quiet();
    cause.apply(policy, with, senses);
    policy.set_rules(with);
    bool before = false;
    int changes = 0;
    for (int second = 0; second < 3600; ++second) {
      policy.sense(second % 4 < 2 ? senses : quiet(), noon(std::chrono::seconds(second)).steady);
      const bool paused = !policy.pauses(noon(std::chrono::seconds(second))).empty();
      changes += paused != std::exchange(before, paused) ? 1 : 0;
    }
    EXPECT_LE(changes, 1) << to_string(cause.code);
  }
}

TEST(OwnerPolicy, AGpuHasToCoolDownBeforeItCounts) {
  OwnerPolicy policy;
  policy.set_rules(rules());
  SteadyTime::duration time = 0s;
  const auto paused_at = [&](double celsius) {
    OwnerSenses senses = quiet();
    senses.gpus["pci:1"].temperature_c = celsius;
    policy.sense(senses, noon(time += long_enough).steady);
    return !policy.pauses(noon(time += long_enough)).empty();
  };
  EXPECT_FALSE(paused_at(84.9));
  EXPECT_TRUE(paused_at(85));
  EXPECT_TRUE(paused_at(81));
  EXPECT_FALSE(paused_at(80));
  EXPECT_FALSE(paused_at(84));
}

TEST(OwnerPolicy, ATimedPauseEndsByItself) {
  OwnerPolicy policy;
  policy.sense(quiet(), noon().steady);
  policy.set_owner_pause(OwnerPause{"renovating", noon(1h).system});
  const auto pauses = policy.pauses(noon());
  ASSERT_EQ(pauses.size(), 1u);
  EXPECT_EQ(pauses[0].text, "renovating");
  EXPECT_EQ(pauses[0].text_for_others, "renovating");
  EXPECT_EQ(pauses[0].until, noon(1h).system);
  EXPECT_EQ(policy.next_change(noon(20min)), noon(1h).steady);
  EXPECT_EQ(policy.pauses(noon(1h - 1s)).size(), 1u);
  EXPECT_THAT(policy.pauses(noon(1h)), IsEmpty());
  EXPECT_EQ(policy.next_change(noon(1h)), std::nullopt);
}

TEST(OwnerPolicy, TheScheduleSaysWhenItGoesOn) {
  OwnerPolicy policy;
  OwnerRules with = rules();
  with.schedule = *domain::Schedule::parse("18:00-08:00");
  policy.set_rules(with);
  policy.sense(quiet(), noon().steady);
  const auto at = noon(90s);
  const auto pauses = policy.pauses(at);
  ASSERT_EQ(pauses.size(), 1u);
  EXPECT_EQ(pauses[0].until, noon(6h).system);
  EXPECT_EQ(policy.next_change(at), noon(6h).steady);
  EXPECT_THAT(policy.pauses(noon(6h)), IsEmpty());
  EXPECT_EQ(policy.next_change(noon(6h)), noon(20h).steady);

  with.schedule = *domain::Schedule::parse("never");
  policy.set_rules(with);
  const auto never = policy.pauses(at);
  ASSERT_EQ(never.size(), 1u);
  EXPECT_EQ(never[0].text, "the schedule never allows work");
  EXPECT_EQ(never[0].until, std::nullopt);
  EXPECT_EQ(policy.next_change(at), std::nullopt);
}

TEST(OwnerPolicy, WhatWaitsForNothingSaysHowThingsStop) {
  std::vector<Pause> pauses(3);
  pauses[0].code = PauseCode::by_owner;
  pauses[1].code = PauseCode::going_to_sleep;
  pauses[2].code = PauseCode::user_active;
  const auto may_finish = [](const Pause& pause) { return pause.code != PauseCode::going_to_sleep; };
  const auto all = [](const Pause&) { return true; };
  const auto only = [](PauseCode code) { return [code](const Pause& pause) { return pause.code == code; }; };
  EXPECT_EQ(strictest(pauses, all, may_finish), &pauses[1]);
  EXPECT_EQ(strictest(pauses, all, all), &pauses[0]);
  EXPECT_EQ(strictest(pauses, all, [](const Pause&) { return false; }), &pauses[0]);
  EXPECT_EQ(strictest(pauses, only(PauseCode::user_active), may_finish), &pauses[2]);
  EXPECT_EQ(strictest(pauses, only(PauseCode::low_disk), may_finish), nullptr);
}

}  // namespace
}  // namespace gogrid::worker
