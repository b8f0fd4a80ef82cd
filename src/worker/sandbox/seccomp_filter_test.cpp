// Proves, by living under the filter in a child, what an engine may ask of devices and memory: for a CPU, for GPUs, and
// where only RLIMIT_DATA holds its memory.
#include "worker/sandbox/seccomp_filter.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <vector>

namespace gogrid::worker {
namespace {

// What errno `call` leaves under the filter; 0 when it works.
int under(const SeccompOptions& options, const std::function<bool()>& call) {
  auto file = compile_seccomp_filter(options);
  if (!file) return -1;
  std::vector<sock_filter> code(16 * 1024);
  const auto bytes = ::read(file->get(), code.data(), code.size() * sizeof(sock_filter));
  const sock_fprog program{static_cast<unsigned short>(static_cast<std::size_t>(bytes) / sizeof(sock_filter)),
                           code.data()};
  const pid_t child = ::fork();
  if (child == 0) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
      ::_exit(255);
    ::_exit(call() ? 0 : errno);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool maps(int flags) { return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED; }
bool asks(unsigned long request) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  return ::ioctl(null, request, nullptr) == 0;
}

constexpr SeccompOptions cpu{};
constexpr SeccompOptions gpu{.gpu = true, .counted_memory_only = false};
constexpr SeccompOptions counted{.gpu = false, .counted_memory_only = true};

TEST(SeccompFilter, DriversRequestsAreForGpusOnly) {
  for (const unsigned long request : {0xc0106445ul /* DRM_IOCTL_… */, 0xc020462aul /* NVIDIA */, 0x80184b01ul /* kfd */,
                                      0x40086200ul /* DMA_BUF_IOCTL_SYNC */, 0x30000001ul /* UVM_INITIALIZE */, 27ul}) {
    EXPECT_EQ(under(cpu, [&] { return asks(request); }), ENOSYS) << std::hex << request;
    EXPECT_EQ(under(gpu, [&] { return asks(request); }), ENOTTY) << std::hex << request;
  }
  for (const unsigned long request :
       {0x5412ul /* TIOCSTI */, 0x541cul /* TIOCLINUX */, 0x40045431ul /* TIOCSPTLCK */}) {
    EXPECT_EQ(under(gpu, [&] { return asks(request); }), ENOSYS) << std::hex << request;
  }
}

TEST(SeccompFilter, GpusBringNoNetwork) {
  const auto connects = [] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; };
  EXPECT_EQ(under(cpu, connects), EAFNOSUPPORT);
  EXPECT_EQ(under(gpu, connects), EAFNOSUPPORT);
}

TEST(SeccompFilter, OnlyCountedMemoryWhereNothingElseIsHeld) {
  const auto shared = [] { return maps(MAP_SHARED | MAP_ANONYMOUS); };
  const auto downwards = [] { return maps(MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN); };
  const auto nameless = [] { return ::memfd_create("x", MFD_CLOEXEC) >= 0; };
  for (const auto& call :
       {std::function<bool()>(shared), std::function<bool()>(downwards), std::function<bool()>(nameless)}) {
    EXPECT_EQ(under(cpu, call), 0);
    EXPECT_EQ(under(counted, call), ENOSYS);
  }
  EXPECT_EQ(under(counted, [] { return maps(MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE); }), 0);
  EXPECT_EQ(under(counted,
                  [] {
                    const int file = ::open("/usr/bin/env", O_RDONLY | O_CLOEXEC);
                    return ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0) != MAP_FAILED;
                  }),
            0);
}

}  // namespace
}  // namespace gogrid::worker
