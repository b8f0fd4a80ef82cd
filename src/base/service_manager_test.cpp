// Proves that the service manager hears what it is told, at a file's name and at one that is no file.
#include "base/service_manager.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/encoding.hpp"
#include "base/file.hpp"

namespace gogrid {
namespace {

TEST(ServiceManager, HearsWhatItIsTold) {
  const std::string name = "gogrid-notify-" + to_hex(as_bytes(random_bytes(6)));
  const std::string file = (std::filesystem::temp_directory_path() / name).string();
  for (const std::string& path : {file, "@" + name}) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path[0] == '@') address.sun_path[0] = '\0';
    const FileDescriptor manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address),
                     static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size())),
              0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    tell_service_manager("READY=1");
    char text[64];
    const auto count = ::recv(manager.get(), text, sizeof text, MSG_DONTWAIT);
    ASSERT_EQ(count, 7) << path;
    EXPECT_EQ(std::string(text, 7), "READY=1");
  }
  ::unlink(file.c_str());
}

TEST(ServiceManager, IsNotMissed) {
  ::unsetenv("NOTIFY_SOCKET");
  tell_service_manager("READY=1");
  for (const char* path : {"", "relative", "/nonexistent/socket", "vsock:2:1"}) {
    ::setenv("NOTIFY_SOCKET", path, 1);
    tell_service_manager("READY=1");
  }
  ::setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'x')).c_str(), 1);
  tell_service_manager("READY=1");
  ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace gogrid
