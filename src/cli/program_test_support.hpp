// Runs the whole program on a terminal that a test types on, with a home directory of its own and a server whose
// answers the test writes down. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "cli/program.hpp"
#include "cli/test_terminal.hpp"
#include "client/test_coordinator.hpp"

namespace gogrid::cli {

class ProgramTest : public testing::Test {
 protected:
  ProgramTest() {
    char name[] = "/tmp/gogrid-cli-XXXXXX";
    home_ = ::mkdtemp(name);
    ca_ = home_ / "server-ca.pem";
    std::ofstream(ca_) << server_.ca();
    environment_ = {{"HOME", home_.string()},
                    {"GOGRID_URL", server_.url()},
                    {"GOGRID_API_KEY", "gg_key"},
                    {"GOGRID_CA", ca_.string()}};
  }
  ~ProgramTest() override { std::filesystem::remove_all(home_); }

  int run(std::vector<std::string> arguments) {
    terminal_.out_text.clear();
    terminal_.error_text.clear();
    return run_program(std::move(arguments), terminal_, [this](const char* name) -> const char* {
      const auto found = environment_.find(name);
      return found == environment_.end() ? nullptr : found->second.c_str();
    });
  }

  void log_out() {
    for (const char* name : {"GOGRID_URL", "GOGRID_API_KEY", "GOGRID_CA"})
      environment_.erase(name);
  }

  std::filesystem::path write(const std::string& name, std::string_view text) {
    std::ofstream(home_ / name, std::ios::binary) << text;
    return home_ / name;
  }

  bool said(std::string_view words) const { return terminal_.error_text.find(words) != std::string::npos; }
  bool printed(std::string_view words) const { return terminal_.out_text.find(words) != std::string::npos; }

  client::TestCoordinator server_;
  TestTerminal terminal_;
  std::filesystem::path home_;
  std::filesystem::path ca_;
  std::map<std::string, std::string> environment_;
};

}  // namespace gogrid::cli
