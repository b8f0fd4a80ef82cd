// gogrid: the command line.
#include <cstdlib>

#include "cli/program.hpp"

int main(int argc, char** argv) {
  const auto terminal = gogrid::cli::make_terminal();
  try {
    return gogrid::cli::run_program({argv + 1, argv + argc}, *terminal,
                                    [](const char* name) { return std::getenv(name); });
  } catch (const std::exception& error) {
    terminal->error(std::string("gogrid: ") + error.what() + "\n");
    return gogrid::cli::ExitCode::failed;
  }
}
