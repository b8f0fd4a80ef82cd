#include "simulation/fairness.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace gogrid::simulation {
namespace {

// What a scheduler may guess before it has measured anything.
constexpr double first_guess = 128;

}  // namespace

void Fairness::key_changed(const domain::KeyId& key, double weight) {
  keys_[key].weight = weight;
  interrupted();
}

void Fairness::given(const domain::KeyId& key, double cost) {
  keys_[key].given += cost;
  largest_cost_ = std::max(largest_cost_, cost);
}

void Fairness::want(const domain::ModelId& model, const std::set<domain::KeyId>& keys, std::size_t slots) {
  auto& windows = windows_[model];
  std::erase_if(windows, [&keys](const auto& window) {
    return keys.count(window.first.first) == 0 || keys.count(window.first.second) == 0;
  });
  for (auto first = keys.begin(); first != keys.end(); ++first) {
    for (auto second = std::next(first); second != keys.end(); ++second) {
      const auto& one = keys_[*first];
      const auto& other = keys_[*second];
      auto& window = windows.try_emplace(Pair(*first, *second), Window{one.given, other.given, slots}).first->second;
      window.slots = std::max(window.slots, slots);
      const double share = (one.given - window.given_first) / one.weight;
      const double other_share = (other.given - window.given_second) / other.weight;
      const double largest = std::max(first_guess, largest_cost_);
      const double bound = largest / one.weight + largest / other.weight +
                           2 * static_cast<double>(window.slots) * largest / std::min(one.weight, other.weight);
      const double used = std::abs(share - other_share) / bound;
      worst_ = std::max(worst_, used);
      if (used > 1) {
        stage_.verdict.broken("fair share", first->text() + " was given " + std::to_string(share) + " by weight and " +
                                                second->text() + " " + std::to_string(other_share) +
                                                " while both waited; the bound is " + std::to_string(bound));
      }
    }
  }
}

}  // namespace gogrid::simulation
