#include "worker/sandbox/seccomp_filter.hpp"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace gogrid::worker {
namespace {

// Left out on purpose: fork, vfork and clone without CLONE_THREAD (an engine is one process), clone3 (its flags cannot
// be checked; libc falls back to clone), everything about mounts, namespaces, modules, keys, bpf, perf, ptrace,
// io_uring, userfaultfd, clocks, reboots, quotas, swap, identities and handles to other processes.
constexpr const char* allowed_calls[] = {
    // Memory (mmap and memfd_create: see below)
    "brk", "madvise", "mbind", "get_mempolicy", "set_mempolicy", "membarrier", "mincore", "mlock", "mlock2", "mlockall",
    "mprotect", "mremap", "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect",
    // Files
    "access", "chdir", "chmod", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3", "faccessat",
    "faccessat2", "fadvise64", "fadvise64_64", "fallocate", "fchdir", "fchmod", "fchmodat", "fcntl", "fcntl64",
    "fdatasync", "flock", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate", "ftruncate64",
    "getcwd", "getdents", "getdents64", "link", "linkat", "lseek", "_llseek", "lstat", "lstat64", "mkdir", "mkdirat",
    "newfstatat", "open", "openat", "pipe", "pipe2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2",
    "read", "readahead", "readlink", "readlinkat", "readv", "rename", "renameat", "renameat2", "rmdir", "sendfile",
    "sendfile64", "splice", "stat", "stat64", "statfs", "statfs64", "statx", "symlink", "symlinkat", "sync_file_range",
    "tee", "truncate", "truncate64", "umask", "unlink", "unlinkat", "utimensat", "write", "writev",
    // Waiting
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2",
    "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "_newselect", "pause", "poll", "ppoll",
    "pselect6", "select", "signalfd", "signalfd4", "timerfd_create", "timerfd_gettime", "timerfd_settime", "wait4",
    "waitid", "waitpid",
    // Threads and signals
    "arch_prctl", "capget", "exit", "exit_group", "futex", "futex_waitv", "get_robust_list", "get_thread_area",
    "getcpu", "gettid", "kill", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
    "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo",
    "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
    "sched_getscheduler", "sched_setparam", "sched_setscheduler", "sched_yield", "set_robust_list", "set_thread_area",
    "set_tid_address", "setpriority", "getpriority", "sigaltstack", "sigreturn", "tgkill", "tkill",
    // Sockets (socket and socketpair: see below)
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv", "recvfrom",
    "recvmmsg", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    // Time and facts about itself
    "clock_getres", "clock_gettime", "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "getegid",
    "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups", "getgroups32", "getpgid", "getpgrp",
    "getpid", "getppid", "getrandom", "getresgid", "getresgid32", "getresuid", "getresuid32", "getrlimit", "getrusage",
    "getsid", "getitimer", "gettimeofday", "getuid", "getuid32", "nanosleep", "setitimer", "setrlimit", "sysinfo",
    "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime", "times", "ugetrlimit",
    "uname",
    // bubblewrap starts the program with it
    "execve"};

constexpr unsigned long allowed_ioctls[] = {TCGETS, TIOCGWINSZ, FIONBIO, FIONREAD, FIOCLEX, FIONCLEX};

// The types (bits 8 to 15) of what Mesa's and vendors' drivers send: DRM, NVIDIA, AMD's kfd, DMA buffers, fences.
constexpr unsigned long gpu_ioctl_types[] = {'d', 'F', 'K', 'b', '>'};
// NVIDIA's unified memory has requests without a type: these two, and small numbers.
constexpr unsigned long uvm_ioctls[] = {0x30000001, 0x30000002};

constexpr unsigned long allowed_prctls[] = {PR_SET_NAME,         PR_GET_NAME,        PR_GET_DUMPABLE,
                                            PR_SET_DUMPABLE,     PR_CAPBSET_READ,    PR_SET_PDEATHSIG,
                                            PR_GET_PDEATHSIG,    PR_SET_TIMERSLACK,  PR_GET_SECCOMP,
                                            PR_GET_NO_NEW_PRIVS, PR_SET_THP_DISABLE, 0x53564d41 /* PR_SET_VMA */};

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

// A call that this libseccomp or this architecture does not know needs no rule.
template <class... Condition>
bool allow(const Filter& filter, const char* name, Condition... conditions) {
  const int call = seccomp_syscall_resolve_name(name);
  if (call == __NR_SCMP_ERROR) return true;
  const int result = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, sizeof...(conditions), conditions...);
  return result == 0 || result == -EDOM;
}

bool add_memory_rules(const Filter& filter, bool counted_only) {
  if (!counted_only) return allow(filter, "mmap") && allow(filter, "mmap2") && allow(filter, "memfd_create");
  bool ok = true;
  for (const char* name : {"mmap", "mmap2"}) {
    // Of a file, or private without one. A stack that grows downwards is not data to RLIMIT_DATA.
    ok = ok && allow(filter, name, SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_GROWSDOWN, 0));
    ok =
        ok && allow(filter, name,
                    SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_TYPE, MAP_ANONYMOUS | MAP_PRIVATE));
  }
  return ok;
}

bool add_gpu_rules(const Filter& filter) {
  bool ok = true;
  for (const unsigned long type : gpu_ioctl_types)
    ok = ok && allow(filter, "ioctl", SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00u, type << 8));
  for (const unsigned long request : uvm_ioctls)
    ok = ok && allow(filter, "ioctl", SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, request));
  return ok && allow(filter, "ioctl", SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffff00u, 0));
}

bool add_rules(const Filter& filter, const SeccompOptions& options) {
  bool ok = true;
  for (const char* name : allowed_calls)
    ok = ok && allow(filter, name);
  for (const unsigned long request : allowed_ioctls) {
    ok = ok && allow(filter, "ioctl", SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, request));
  }
  for (const unsigned long option : allowed_prctls)
    ok = ok && allow(filter, "prctl", SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu, option));
  // Its own limits may be read and lowered, another process's not.
  ok = ok && allow(filter, "prlimit64", SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu, 0));
  ok = ok && allow(filter, "socket", SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu, AF_UNIX));
  ok = ok && allow(filter, "socketpair", SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu, AF_UNIX));
  const int socket_call = seccomp_syscall_resolve_name("socket");
  ok = ok &&
       seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EAFNOSUPPORT), socket_call, 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX)) == 0;
  ok = ok && allow(filter, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  if (!options.fixed_processors) ok = ok && allow(filter, "sched_setaffinity");
  ok = ok && add_memory_rules(filter, options.counted_memory_only);
  if (options.gpu) ok = ok && add_gpu_rules(filter);
  return ok;
}

}  // namespace

Result<FileDescriptor> compile_seccomp_filter(const SeccompOptions& options) {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)));
  if (!filter || !add_rules(filter, options))
    return Error(ErrorCode::unsupported, "libseccomp cannot make the engine's system call filter");
  FileDescriptor file(::memfd_create("gogrid-seccomp", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return system_error("memfd_create", errno);
  if (const int result = seccomp_export_bpf(filter.get(), file.get()); result != 0)
    return system_error("seccomp_export_bpf", -result);
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return system_error("lseek", errno);
  ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
  return file;
}

}  // namespace gogrid::worker
