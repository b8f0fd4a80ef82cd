#include "worker/sandbox/process.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/encoding.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr auto token = asio::as_tuple(asio::use_awaitable);
// The child's descriptors are moved above this first, so that putting them in place overwrites none.
constexpr int descriptor_floor = 64;
constexpr std::size_t output_part_bytes = 8 * 1024;
// llama-server writes a line of its log in many small pieces, each of which would wake us; a pipe holds 64 KiB.
constexpr std::chrono::milliseconds output_interval{20};

// What the child needs between fork and exec, made before: there it may only make system calls.
struct ChildPlan {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::vector<int> descriptors;
  const ProcessOptions* options = nullptr;
  int null_fd = -1;
  int output_fd = -1;
  int error_fd = -1;
  pid_t parent = 0;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (const std::string& text : texts)
    list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

bool set_limit(int resource, rlim_t value) {
  const auto which = static_cast<__rlimit_resource>(resource);
  rlimit limit{};
  if (::getrlimit(which, &limit) != 0) return false;
  limit.rlim_max = std::min(value, limit.rlim_max);
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(which, &limit) == 0;
}

// What the machine runs out of memory for goes first. Not every kernel lets it be said.
void volunteer_for_oom_killer() {
  const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  [[maybe_unused]] const auto written = ::write(file, "1000", 4);
  ::close(file);
}

// Runs when nobody else wants to. Each of these counts where the others do not: the nice value and the policy among
// the processes of a group, the group's own nice value (autogroup, sched(7)) where each session is one. None of them
// can be taken back without a privilege.
void step_back() {
  constexpr int lowest = 19;
  ::setpriority(PRIO_PROCESS, 0, lowest);
  const sched_param no_priority{};
  ::sched_setscheduler(0, SCHED_IDLE, &no_priority);
  // ioprio_set(2) has no wrapper: this process, class "idle".
  ::syscall(SYS_ioprio_set, 1, 0, 3 << 13);
  const int file = ::open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
  // The kernel takes ten a second, of all ordinary users.
  constexpr timespec tenth{0, 110'000'000};
  if (::write(file, "19", 2) < 0 && errno == EAGAIN) {
    ::nanosleep(&tenth, nullptr);
    [[maybe_unused]] const auto written = ::write(file, "19", 2);
  }
  ::close(file);
}

bool choose_processors(const std::vector<int>& processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int processor : processors)
    CPU_SET(static_cast<std::size_t>(processor), &set);
  return ::sched_setaffinity(0, sizeof set, &set) == 0;
}

// The step that failed, or null.
const char* prepare_child(const ChildPlan& plan) {
  ::setsid();
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return "to end with the worker";
  if (::getppid() != plan.parent) ::_exit(127);
  volunteer_for_oom_killer();
  if (plan.options->background) step_back();
  if (!plan.options->processors.empty() && !choose_processors(plan.options->processors)) return "choosing processors";
  for (const int group : plan.options->group_processes_fds) {
    if (::write(group, "0", 1) != 1) return "entering its control group";
  }
  for (const auto& [resource, value] : plan.options->limits) {
    if (!set_limit(resource, value)) return "setting a limit (setrlimit)";
  }
  if (::chdir(plan.options->directory.empty() ? "/" : plan.options->directory.c_str()) != 0) return "its directory";
  if (::dup2(plan.null_fd, 0) < 0 || ::dup2(plan.output_fd, 1) < 0 || ::dup2(plan.output_fd, 2) < 0)
    return "its output";
  int next = 3;
  for (const int fd : plan.descriptors) {
    if (::dup2(fd, next++) < 0) return "its descriptors";
  }
  // All above is closed on exec, the error pipe included; dup2 left 0 to next - 1 open.
  if (::syscall(SYS_close_range, next, ~0u, CLOSE_RANGE_CLOEXEC) != 0) {
    for (int fd = next; fd < 65536; ++fd)
      ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number)
    ::signal(number, SIG_DFL);
  return nullptr;
}

// What the child writes when it cannot become the program. Its texts are this program's: the parent has them too.
struct Failure {
  const char* step = nullptr;
  long error = 0;  // as wide as a pointer: nothing uninitialised between them
};

[[noreturn]] void run_child(const ChildPlan& plan) {
  Failure failure;
  failure.step = prepare_child(plan);
  if (failure.step == nullptr) ::execve(plan.arguments[0], plan.arguments.data(), plan.environment.data());
  failure.error = errno;
  [[maybe_unused]] const auto written = ::write(plan.error_fd, &failure, sizeof failure);
  ::_exit(127);
}

Result<std::pair<FileDescriptor, FileDescriptor>> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe", errno);
  return std::pair(FileDescriptor(ends[0]), FileDescriptor(ends[1]));
}

Result<FileDescriptor> move_up(int fd) {
  FileDescriptor moved(::fcntl(fd, F_DUPFD_CLOEXEC, descriptor_floor));
  if (!moved) return system_error("fcntl", errno);
  return moved;
}

// Those that were started here and are not reaped.
std::set<pid_t>& own_processes() {
  static std::set<pid_t> pids;
  return pids;
}

void for_each_child(const std::function<void(pid_t)>& found) {
  std::error_code failure;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", failure)) {
    std::ifstream children(task.path() / "children");
    for (pid_t pid = 0; children >> pid;)
      found(pid);
  }
}

// Those that were there before the first was started here, from before this program's exec.
const std::set<pid_t>& inherited_processes() {
  static const std::set<pid_t> pids = [] {
    std::set<pid_t> found;
    for_each_child([&found](pid_t pid) { found.insert(pid); });
    return found;
  }();
  return pids;
}

// A child that ends while it makes children of its own cannot always take them with it: bubblewrap's first process in
// the sandbox asks to die with its parent only once it runs. Such orphans become ours, and end here.
void end_orphans() {
  for_each_child([](pid_t pid) {
    if (own_processes().contains(pid) || inherited_processes().contains(pid)) return;
    ::kill(pid, SIGKILL);
    // If it takes longer, it is reaped with the next one.
    ::waitpid(pid, nullptr, WNOHANG);
  });
}

}  // namespace

struct Process::Handles {
  explicit Handles(asio::any_io_executor executor) : exit(executor), output(executor), rest(executor) {}
  asio::posix::stream_descriptor exit;  // the pidfd
  asio::posix::stream_descriptor output;
  // Between two reads of the output.
  asio::steady_timer rest;
};

std::string ExitStatus::text() const {
  if (signal == 0) return "exited with code " + std::to_string(code);
  return "was killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
}

Result<std::unique_ptr<Process>> Process::start(asio::any_io_executor executor, ProcessOptions options) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  inherited_processes();
  auto output = make_pipe();
  if (!output) return output.error();
  auto error = make_pipe();
  if (!error) return error.error();
  auto null = open_file("/dev/null", O_RDWR);
  if (!null) return null.error();
  std::vector<FileDescriptor> moved;
  ChildPlan plan;
  for (const int fd : {null->get(), output->second.get(), error->second.get()}) {
    auto up = move_up(fd);
    if (!up) return up.error();
    moved.push_back(std::move(*up));
  }
  plan.null_fd = moved[0].get();
  plan.output_fd = moved[1].get();
  plan.error_fd = moved[2].get();
  for (const FileDescriptor& descriptor : options.descriptors) {
    auto up = move_up(descriptor.get());
    if (!up) return up.error();
    plan.descriptors.push_back(up->get());
    moved.push_back(std::move(*up));
  }
  plan.arguments = pointers(options.arguments);
  plan.environment = pointers(options.environment);
  plan.options = &options;
  plan.parent = ::getpid();

  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork", errno);
  if (pid == 0) run_child(plan);
  moved.clear();
  output->second.reset();
  error->second.reset();

  Failure failure;
  auto read = read_fully(error->first.get(), std::as_writable_bytes(std::span(&failure, 1)));
  FileDescriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if ((read && *read == sizeof failure) || !pidfd) {
    if (failure.error == 0) failure.error = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    const std::string step = failure.step != nullptr ? std::string(", ") + failure.step : "";
    return system_error("cannot start " + options.arguments[0] + step, static_cast<int>(failure.error));
  }
  auto handles = std::make_unique<Handles>(executor);
  handles->exit.assign(pidfd.release());
  handles->output.assign(output->first.release());
  return std::unique_ptr<Process>(new Process(pid, std::move(handles)));
}

Process::Process(pid_t pid, std::unique_ptr<Handles> handles) : pid_(pid), handles_(std::move(handles)) {
  own_processes().insert(pid);
}

Process::~Process() {
  kill();
  reap(true);
}

void Process::kill() noexcept {
  if (status_) return;
  // Not reaped yet, so the number is still its own.
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
}

void Process::reap(bool wait) {
  if (status_) return;
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | (wait ? 0 : WNOHANG)) != 0 && errno == EINTR) {
  }
  if (info.si_pid == 0 && !wait) return;
  ExitStatus status;
  (info.si_code == CLD_EXITED ? status.code : status.signal) = info.si_status;
  status_ = status;
  own_processes().erase(pid_);
  end_orphans();
}

asio::awaitable<ExitStatus> Process::exited() {
  while (!status_) {
    co_await handles_->exit.async_wait(asio::posix::stream_descriptor::wait_read, token);
    reap(false);
  }
  handles_->rest.cancel();
  co_return *status_;
}

asio::awaitable<void> Process::read_output(std::function<void(std::string_view)> sink) {
  std::array<char, output_part_bytes> buffer;
  for (;;) {
    const auto [failure, count] = co_await handles_->output.async_read_some(asio::buffer(buffer), token);
    if (failure) co_return;
    sink(std::string_view(buffer.data(), count));
    if (count == buffer.size() || status_) continue;
    // The reactor hears of every arrival for as long as it knows the pipe.
    FileDescriptor resting(handles_->output.release());
    handles_->rest.expires_after(output_interval);
    co_await handles_->rest.async_wait(token);
    boost::system::error_code failed;
    handles_->output.assign(resting.get(), failed);
    if (failed) co_return;
    (void)resting.release();
  }
}

}  // namespace gogrid::worker
