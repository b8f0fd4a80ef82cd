// For tests with PostgreSQL: a server of their own in a temporary directory, on a Unix socket only, from the programs
// that Debian's package "postgresql" brings. Blocking; throws when that is missing.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "store/store_test_support.hpp"

namespace gogrid::store::test {

class PostgresServer {
 public:
  // One for the whole test program.
  static PostgresServer& shared();

  PostgresServer();
  ~PostgresServer();
  PostgresServer(PostgresServer&&) = delete;

  // Of a new, empty database.
  std::string make_database();
  std::string url(const std::string& database) const;
  // Ends all connections.
  void stop();
  void start();
  // As the machine would in a power cut, but for the disk's cache.
  void kill();

 private:
  void run(std::vector<std::string> command) const;
  pid_t launch(const std::vector<std::string>& command, bool ends_with_us) const;
  void end(int signal);
  std::string log() const;

  TemporaryDirectory directory_;
  std::filesystem::path programs_;
  pid_t server_ = 0;
  int databases_ = 0;
};

// Runs a command of SQL over a connection of its own and returns the first column of its first row, if it has one.
std::string run_sql(const std::string& url, const std::string& sql);

}  // namespace gogrid::store::test
