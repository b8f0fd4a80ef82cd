// One command of the program: declares its options, and runs once. To add one: a class in a file of its own, a factory
// in cli/commands.hpp, a line in cli/program.cpp.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/result.hpp"
#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace gogrid::cli {

class Command {
 public:
  virtual ~Command() = default;
  // Makes the command below `parent`, with its options, help and examples, and gives it back.
  virtual CLI::App* add_to(CLI::App& parent) = 0;
  // Whether it takes --url, --ca and --json.
  virtual bool has_common_options() const { return true; }
  // Prints what was asked for. An error is shown by the caller, and decides the exit code.
  virtual boost::asio::awaitable<Result<void>> run(Context& context) = 0;
};

}  // namespace gogrid::cli
