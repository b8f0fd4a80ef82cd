// Fairness: what each key was given while it wanted more. Of two keys that both always had work waiting for the same
// model, neither may get more cost by weight than the other beyond a bound. One thread.
//
// The bound. Let C be the largest cost of a piece of work, s the slots of the model, a and b the weights. A scheduler
// that gives each free slot to the key that was given least lets two keys that wait differ by one piece each in its own
// books: C / a + C / b. Its books count what runs, by a guess that is a mean of costs and so no larger than C; given
// here is only what has ended. What runs when the keys begin to be compared is counted here and was in the books
// before, and what runs now is in the books and not counted here: each at most s pieces, s C / min(a, b) by weight. In
// all: C / a + C / b + 2 s C / min(a, b).
#pragma once

#include <map>
#include <set>
#include <utility>

#include "domain/scheduler.hpp"
#include "simulation/stage.hpp"

namespace gogrid::simulation {

class Fairness {
 public:
  explicit Fairness(Stage& stage) : stage_(stage) {}

  void key_changed(const domain::KeyId& key, double weight);
  // What the key was given ended, at this cost.
  void given(const domain::KeyId& key, double cost);
  // Keys that have work waiting for the model and no limit that holds it back; `slots` of the model as they are.
  void want(const domain::ModelId& model, const std::set<domain::KeyId>& keys, std::size_t slots);
  // Whatever was compared so far is not comparable with what follows.
  void interrupted() { windows_.clear(); }

  // The largest part of its bound that any pair of keys has used.
  double worst() const { return worst_; }

 private:
  struct KeyFairness {
    double weight = 1;
    double given = 0;
  };
  struct Window {
    double given_first = 0;
    double given_second = 0;
    std::size_t slots = 0;
  };
  using Pair = std::pair<domain::KeyId, domain::KeyId>;

  Stage& stage_;
  std::map<domain::KeyId, KeyFairness> keys_;
  std::map<domain::ModelId, std::map<Pair, Window>> windows_;
  double largest_cost_ = 0;
  double worst_ = 0;
};

}  // namespace gogrid::simulation
