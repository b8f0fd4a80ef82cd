#include "store/postgres/postgres_test_support.hpp"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <thread>

#include "base/file.hpp"

namespace gogrid::store::test {
namespace {

namespace fs = std::filesystem;

fs::path find_programs() {
  std::error_code ignored;
  fs::path newest;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const fs::path programs = version.path() / "bin";
    if (fs::exists(programs / "initdb", ignored) && programs > newest) newest = programs;
  }
  if (newest.empty())
    throw std::runtime_error(
        "this test needs PostgreSQL's server (Debian's package \"postgresql\"): there is no "
        "/usr/lib/postgresql/*/bin/initdb");
  return newest;
}

// PostgreSQL does not run as root.
const ::passwd* other_user() {
  if (::geteuid() != 0) return nullptr;
  for (const char* name : {"postgres", "nobody"})
    if (const ::passwd* user = ::getpwnam(name)) return user;
  throw std::runtime_error("PostgreSQL does not run as root, and there is no user postgres or nobody");
}

}  // namespace

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

PostgresServer::PostgresServer() : programs_(find_programs()) {
  if (const ::passwd* user = other_user()) {
    if (::chown(directory_.path().c_str(), user->pw_uid, user->pw_gid) != 0)
      throw std::runtime_error("chown " + directory_.path().string());
  }
  run({(programs_ / "initdb").string(), "--pgdata", (directory_.path() / "data").string(), "--username", "gogrid",
       "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"});
  start();
}

PostgresServer::~PostgresServer() { stop(); }

pid_t PostgresServer::launch(const std::vector<std::string>& command, bool ends_with_us) const {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const ::passwd* user = other_user();
  const std::string log = (directory_.path() / "log").string();
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child > 0) return child;
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  if (user && (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0))
    ::_exit(126);
  // A test that crashes does not leave a server behind.
  if (ends_with_us) ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (::chdir("/") != 0) ::_exit(126);
  ::execv(arguments.front(), arguments.data());
  ::_exit(127);
}

std::string PostgresServer::log() const {
  const auto text = read_file(directory_.path() / "log", 1 << 20);
  return text ? *text : text.error().detail;
}

void PostgresServer::run(std::vector<std::string> command) const {
  int status = 0;
  ::waitpid(launch(command, false), &status, 0);
  if (status == 0) return;
  throw std::runtime_error(command.front() + " failed: " + log());
}

void PostgresServer::start() {
  server_ = launch(
      {(programs_ / "postgres").string(), "-D", (directory_.path() / "data").string(), "-k", directory_.path().string(),
       "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=40", "-c", "shared_buffers=32MB"},
      true);
  const std::string where = url("postgres");
  while (PQping(where.c_str()) != PQPING_OK) {
    int status = 0;
    if (::waitpid(server_, &status, WNOHANG) == server_) {
      server_ = 0;
      throw std::runtime_error("PostgreSQL did not start: " + log());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void PostgresServer::end(int signal) {
  if (server_ == 0) return;
  ::kill(server_, signal);
  ::waitpid(server_, nullptr, 0);
  server_ = 0;
}

void PostgresServer::stop() { end(SIGINT); }

void PostgresServer::kill() { end(SIGQUIT); }

std::string PostgresServer::url(const std::string& database) const {
  return "postgresql://gogrid@/" + database + "?host=" + directory_.path().string();
}

std::string PostgresServer::make_database() {
  const std::string name = "test" + std::to_string(++databases_);
  run_sql(url("postgres"), "CREATE DATABASE " + name);
  return url(name);
}

std::string run_sql(const std::string& url, const std::string& sql) {
  const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(PQconnectdb(url.c_str()), PQfinish);
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection.get(), sql.c_str()), PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error(PQerrorMessage(connection.get()));
  return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

}  // namespace gogrid::store::test
