// An engine that means harm, for tests: to the worker it looks like llama-server (--host SOCKET, /health, chat
// completions), and every chat request makes it try to get out of its sandbox. The answer's text tells, as JSON, what
// each try came to: "reached", or the system's error. `--probe WISHES` tries the same at once, where it stands, and
// prints that JSON. None of the tries changes anything, also where nothing holds them.
//
// WISHES are words, in the prompt or on the command line: port=N (of something that listens on 127.0.0.1), file=PATH (a
// file of the host that may not be read), pid=N (a process of the host).
//
// In a prompt, take=WHAT takes of the machine instead, until something stops it: memory, threads, files, disk (what can
// be written to), processor (on all of them, for as long as it lives). The answer tells how far it came.
#include <dirent.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace {

struct Wishes {
  int port = 9;
  int pid = 1;
  std::string file = "/etc/shadow";
  std::string take;
};

using Report = std::vector<std::pair<std::string, std::string>>;

// A call that fails only for its address (EFAULT) was allowed.
std::string outcome(bool reached) { return reached ? "reached" : std::strerror(errno); }

std::string word_after(const std::string& text, const std::string& name) {
  const std::size_t begin = text.find(name + "=");
  if (begin == std::string::npos) return {};
  const std::size_t value = begin + name.size() + 1;
  return text.substr(value, text.find_first_of(" \"\\", value) - value);
}

Wishes parse_wishes(const std::string& text) {
  Wishes wishes;
  if (const std::string port = word_after(text, "port"); !port.empty()) wishes.port = std::atoi(port.c_str());
  if (const std::string pid = word_after(text, "pid"); !pid.empty()) wishes.pid = std::atoi(pid.c_str());
  if (const std::string file = word_after(text, "file"); !file.empty()) wishes.file = file;
  wishes.take = word_after(text, "take");
  return wishes;
}

bool connects(int domain, int type, const sockaddr* address, socklen_t size) {
  const int descriptor = ::socket(domain, type | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  const bool connected = ::connect(descriptor, address, size) == 0;
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return connected;
}

void try_network(const Wishes& wishes, Report& report) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(static_cast<std::uint16_t>(wishes.port));
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* const address = reinterpret_cast<const sockaddr*>(&v4);
  report.emplace_back("tcp", outcome(connects(AF_INET, SOCK_STREAM, address, sizeof v4)));
  report.emplace_back("udp", outcome(connects(AF_INET, SOCK_DGRAM, address, sizeof v4)));
  const int netlink = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
  report.emplace_back("netlink", outcome(netlink >= 0));
}

bool readable(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  char byte = 0;
  const bool read = ::read(descriptor, &byte, 1) == 1;
  ::close(descriptor);
  return read;
}

// A file without a name, which leaves nothing behind.
bool writable_directory(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
  if (descriptor < 0) return false;
  ::close(descriptor);
  return true;
}

void try_files(const Wishes& wishes, Report& report) {
  report.emplace_back("read_file", outcome(readable(wishes.file)));
  report.emplace_back("read_file_of_init", outcome(readable("/proc/1/root" + wishes.file)));
  report.emplace_back("write_root", outcome(writable_directory("/")));
  report.emplace_back("write_usr", outcome(writable_directory("/usr")));
  report.emplace_back("write_models", outcome(writable_directory("/models")));
  report.emplace_back("write_kernel_setting",
                      outcome(::open("/proc/sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC) >= 0));
  // The first step of a mount, which changes nothing yet.
  report.emplace_back("mount", outcome(::syscall(SYS_fsopen, "tmpfs", 0) >= 0));
}

void try_processes(const Wishes& wishes, Report& report) {
  report.emplace_back("signal", outcome(::kill(wishes.pid, 0) == 0));
  report.emplace_back("trace", outcome(::ptrace(PTRACE_SEIZE, wishes.pid, nullptr, nullptr) == 0));
  char byte = 0;
  iovec local{&byte, 1};
  iovec remote{reinterpret_cast<void*>(0x400000), 1};
  report.emplace_back("read_memory",
                      outcome(::process_vm_readv(wishes.pid, &local, 1, &remote, 1, 0) == 1 || errno == EFAULT));
  const int priority = ::getpriority(PRIO_PROCESS, 0);
  report.emplace_back("raise_priority", outcome(::setpriority(PRIO_PROCESS, 0, priority - 1) == 0));
  report.emplace_back("new_namespaces", outcome(::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0));
  report.emplace_back("keyring",
                      outcome(::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) >= 0));
  report.emplace_back("io_uring", outcome(::syscall(SYS_io_uring_setup, 1, nullptr) >= 0 || errno == EFAULT));
  std::string seen;
  if (DIR* const directory = ::opendir("/proc")) {
    while (const dirent* const entry = ::readdir(directory)) {
      if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
        seen += std::string(seen.empty() ? "" : " ") + entry->d_name;
    }
    ::closedir(directory);
  }
  report.emplace_back("processes", seen);
}

void try_environment(Report& report) {
  std::string names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    names += std::string(names.empty() ? "" : " ") + std::string(*entry, std::strcspn(*entry, "="));
  }
  report.emplace_back("environment", names);
}

void* wait_forever(void*) {
  for (;;)
    ::pause();
}

void* spin(void*) {
  for (;;)
    asm volatile("");
}

// Whether there is one more thread.
bool start_thread(void* (*body)(void*)) {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, std::size_t{64} << 10);
  pthread_t thread{};
  errno = ::pthread_create(&thread, &attributes, body, nullptr);
  const bool started = errno == 0;
  ::pthread_attr_destroy(&attributes);
  return started;
}

void take_memory() {
  constexpr std::size_t part_bytes = std::size_t{4} << 20;
  for (;;) {
    char* const part = static_cast<char*>(std::malloc(part_bytes));
    if (part == nullptr) std::abort();
    std::memset(part, 1, part_bytes);
  }
}

void take_threads(Report& report) {
  const pid_t child = ::fork();
  report.emplace_back("fork", outcome(child >= 0));
  if (child == 0) ::_exit(0);
  int count = 0;
  while (start_thread(wait_forever))
    ++count;
  report.emplace_back("end", std::strerror(errno));
  report.emplace_back("threads", std::to_string(count));
}

void take_files(Report& report) {
  int count = 0;
  while (::open("/dev/null", O_RDONLY) >= 0)
    ++count;
  report.emplace_back("end", std::strerror(errno));
  report.emplace_back("files", std::to_string(count));
}

void take_disk(Report& report) {
  static char part[1 << 20];
  for (const char* place : {"/tmp", "/dev/shm", "/run/gogrid"}) {
    const int file = ::open((std::string(place) + "/fill").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    std::size_t bytes = 0;
    for (ssize_t written = 0; (written = ::write(file, part, sizeof part)) > 0;)
      bytes += static_cast<std::size_t>(written);
    report.emplace_back(place, std::to_string(bytes) + " " + std::strerror(errno));
    ::close(file);
  }
}

void take_processors(Report& report) {
  int count = 0;
  while (count < 64 && start_thread(spin))
    ++count;
  report.emplace_back("threads", std::to_string(count));
}

void take(const std::string& what, Report& report) {
  if (what == "memory") take_memory();
  if (what == "threads") take_threads(report);
  if (what == "files") take_files(report);
  if (what == "disk") take_disk(report);
  if (what == "processor") take_processors(report);
}

std::string report(const Wishes& wishes) {
  Report lines;
  if (!wishes.take.empty()) {
    take(wishes.take, lines);
  } else {
    try_network(wishes, lines);
    try_files(wishes, lines);
    try_processes(wishes, lines);
    try_environment(lines);
  }
  std::string json = "{";
  for (const auto& [name, value] : lines)
    json += (json.size() > 1 ? "," : "") + ("\"" + name + "\":\"" + value + "\"");
  return json + "}";
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') result += '\\';
    result += byte;
  }
  return result;
}

// Head and body of one request.
std::string read_request(int connection) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const std::size_t head = text.find("\r\n\r\n");
    if (head != std::string::npos) {
      const std::size_t length = text.find("Content-Length: ");
      const std::size_t body = length < head ? std::strtoul(text.c_str() + length + 16, nullptr, 10) : 0;
      if (text.size() >= head + 4 + body) return text;
    }
    const ssize_t count = ::read(connection, buffer, sizeof buffer);
    if (count <= 0) return {};
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

void answer(int connection) {
  const std::string request = read_request(connection);
  if (request.empty()) return;
  std::string body = R"({"status":"ok"})";
  if (request.starts_with("POST ")) {
    body =
        R"({"id":"x","object":"chat.completion","created":1,"model":"hostile","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":")" +
        escaped(report(parse_wishes(request))) +
        R"("}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}})";
    // From now on, whoever trusts this path talks to another socket.
    const std::string decoy = word_after(request, "socket");
    if (!decoy.empty()) ::unlink("/run/gogrid/engine.sock");
    if (!decoy.empty() && ::symlink(decoy.c_str(), "/run/gogrid/engine.sock") != 0) std::perror("symlink");
  }
  const std::string text =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  (void)!::write(connection, text.data(), text.size());
}

int serve(const char* path) {
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 16) != 0) {
    std::perror(path);
    return 1;
  }
  std::fprintf(stderr, "srv  llama_server: listening on unix://%s\n", path);
  for (;;) {
    const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return 1;
    answer(connection);
    ::close(connection);
  }
}

}  // namespace

int main(int count, char** arguments) {
  for (int i = 1; i + 1 < count; ++i) {
    if (std::strcmp(arguments[i], "--probe") == 0) {
      std::puts(report(parse_wishes(arguments[i + 1])).c_str());
      return 0;
    }
    if (std::strcmp(arguments[i], "--host") == 0) return serve(arguments[i + 1]);
  }
  std::fputs("usage: hostile_engine --host SOCKET | --probe WISHES\n", stderr);
  return 2;
}
