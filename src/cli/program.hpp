// The program `gogrid`: reads the command line, runs one command, turns its outcome into an exit code. Once, on the
// main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/commands.hpp"

namespace gogrid::cli {

// 0 done, 1 failed, 2 wrong usage, 3 coordinator not reached, 4 not allowed, 5 not found, 130 interrupted.
enum ExitCode : int {
  success = 0,
  failed = 1,
  usage = 2,
  unreachable = 3,
  not_allowed = 4,
  not_found = 5,
  interrupted = 130
};

// `reached`: whether a coordinator has answered.
int exit_code(const Error& error, bool reached);

// `arguments` without the program's name.
int run_program(std::vector<std::string> arguments, Terminal& terminal, const Environment& environment);

// The tree of all commands, as its parts are needed by the program and its tests.
struct CommandTree {
  CommandTree();
  ~CommandTree();
  CommandTree(const CommandTree&) = delete;
  CommandTree& operator=(const CommandTree&) = delete;

  void add(CLI::App& parent, CommandPtr command);
  CLI::App& add_group(const std::string& name, const std::string& help, const std::string& footer);

  CommonOptions options;
  std::unique_ptr<CLI::App> root;
  std::vector<CommandPtr> commands;
  // The one that the command line names.
  Command* selected = nullptr;
};

}  // namespace gogrid::cli
