// Options of commands that say how a model is served. One owner, one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "client/coordinator_client.hpp"

namespace CLI {
class App;
}

namespace gogrid::cli {

class ModelOptions {
 public:
  void add_to(CLI::App& app);
  // Also options that take something back.
  void add_changes_to(CLI::App& app);

  bool empty() const;
  // invalid_argument names the option that cannot be meant, or the file that cannot be read.
  Result<client::ModelSettings> settings() const;

 private:
  void add_gpus_to(CLI::App& app);

  client::ModelSettings settings_;
  std::string template_file_;
  std::string idle_timeout_;
  std::vector<std::string> labels_;
  std::vector<std::string> gpus_;
  std::vector<std::string> tags_;
  bool own_template_ = false;
  bool any_worker_ = false;
  bool any_gpu_ = false;
  bool no_tags_ = false;
};

}  // namespace gogrid::cli
