// What a command runs with: terminal, settings, event loop, and the coordinator's client, made when it is first asked
// for. One command, one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "cli/formatter/table.hpp"
#include "cli/interrupts.hpp"
#include "cli/settings.hpp"
#include "cli/terminal.hpp"
#include "client/coordinator_client.hpp"

namespace gogrid::cli {

// Flags that every command with a coordinator has.
struct CommonOptions {
  std::string url;
  std::string ca_path;
  bool json = false;
};

class Context {
 public:
  Context(Terminal& terminal, Environment environment, CommonOptions options, boost::asio::any_io_executor executor,
          Interrupts& interrupts);

  Terminal& terminal() { return terminal_; }
  const Environment& environment() const { return environment_; }
  const CommonOptions& options() const { return options_; }
  const boost::asio::any_io_executor& executor() const { return executor_; }
  // For hashing and reading files.
  boost::asio::thread_pool& pool();
  Interrupts& interrupts() { return interrupts_; }
  // How standard output is to look.
  View view() const;
  bool colour_on_error() const;

  // File, environment and flags together.
  Result<Settings> settings() const;
  // The client for those settings. No URL or no key is `unauthenticated` and says how to log in.
  Result<client::CoordinatorClient*> client();
  // The error of a command line that cannot be meant, for what is only known once the command runs: its exit code is
  // that of wrong usage.
  Error wrong_usage(std::string detail);
  // An error that ends the program with this exit code, whatever else would follow from it.
  Error fails_with(int exit_code, std::string detail);
  std::optional<int> exit_code() const { return exit_code_; }
  // For a command that talks to a coordinator without client().
  void mark_unreached() { unreached_ = true; }
  // False when the last call was not answered by a server.
  bool reached() const;

 private:
  bool wants_colour(bool is_terminal) const;

  Terminal& terminal_;
  Environment environment_;
  CommonOptions options_;
  boost::asio::any_io_executor executor_;
  Interrupts& interrupts_;
  bool unreached_ = false;
  std::optional<int> exit_code_;
  std::unique_ptr<boost::asio::thread_pool> pool_;
  std::unique_ptr<client::CoordinatorClient> client_;
};

// A PEM file with at least one certificate.
Result<std::string> read_ca_file(const std::filesystem::path& path);

// Prints the answer: its JSON with --json, otherwise `text`.
void print(Context& context, const std::string& json, const std::string& text);

}  // namespace gogrid::cli
