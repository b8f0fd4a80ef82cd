// Names and help of commands, as they stand in the tree. Pure functions.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace gogrid::cli {

// "gogrid model add"
std::string full_name(const CLI::App& app);
std::string help_text(const CLI::App& app);

}  // namespace gogrid::cli
