// Scripts that complete commands and options in a shell, made from the tree of commands. Pure functions.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace gogrid::cli {

std::string bash_completion(const CLI::App& root);
std::string zsh_completion(const CLI::App& root);
std::string fish_completion(const CLI::App& root);

}  // namespace gogrid::cli
