// The program `gogrid`: reads the command line, runs one command, turns its outcome into an exit code. Once, on the
// main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"

namespace gogrid::cli {

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
  CLI::App& add_group(CLI::App& parent, const std::string& name, const std::string& help, const std::string& footer);

  CommonOptions options;
  std::unique_ptr<CLI::App> root;
  std::vector<CommandPtr> commands;
  // The one that the command line names.
  Command* selected = nullptr;

 private:
  void add_queue();
  void add_grid();
  void add_access();
};

}  // namespace gogrid::cli
