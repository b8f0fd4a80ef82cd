// Names of X displays on this machine, and the cookies that open them (the Xauthority file). Pure but for the reading
// of files; any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gogrid::worker {

// The number of ":0", ":0.1" and "unix:0"; nothing for a display of another machine ("host:10.0", as ssh -X makes) and
// for what is no display's name.
std::optional<int> local_display_number(std::string_view display);

// The MIT-MAGIC-COOKIE-1 values for the display in an Xauthority file's bytes (Xau(3)), in the file's order and each
// once. What is cut short ends the list.
std::vector<std::string> parse_x11_cookies(std::string_view authority, int display_number);

// From all files that can be read.
std::vector<std::string> find_x11_cookies(const std::vector<std::filesystem::path>& files, int display_number);

// Where this user's cookies may lie: XAUTHORITY, the home directory, and what display managers write into the user's
// runtime directory.
std::vector<std::filesystem::path> x11_authority_files(const char* xauthority, const char* home,
                                                       const char* runtime_directory);

}  // namespace gogrid::worker
