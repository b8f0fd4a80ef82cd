// Proves that the kernel says who connects to a Unix socket, and that what cannot be accepted now is accepted later.
#include "net/listener.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstring>

#include "net/net_test_support.hpp"

namespace gogrid::net {
namespace {

namespace asio = boost::asio;

// Of a child, which may do nothing that allocates.
int connect_blocking(const sockaddr_un& address) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return -1;
  return descriptor;
}

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() {
    address_.sun_family = AF_UNIX;
    std::strncpy(address_.sun_path, path_.c_str(), sizeof address_.sun_path - 1);
  }
  std::optional<Listener::Accepted> accept() { return test::run(io_, listener_->accept()); }

  asio::io_context io_;
  test::TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_.path / "s";
  sockaddr_un address_{};
  Result<Listener> listener_ = Listener::on_unix(io_.get_executor(), path_);
};

TEST_F(ListenerTest, KnowsItsOwnUser) {
  test::RawClient client(io_, path_);
  auto accepted = accept();
  ASSERT_TRUE(accepted);
  EXPECT_EQ(peer_user(accepted->socket).value(), ::geteuid());
  EXPECT_EQ(describe(accepted->peer), "unix");
}

TEST_F(ListenerTest, KnowsAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  constexpr uid_t nobody = 65534;
  std::filesystem::permissions(directory_.path, std::filesystem::perms::all);
  ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char byte = 0;
    if (::setresuid(nobody, nobody, nobody) != 0) ::_exit(1);
    const int descriptor = connect_blocking(address_);
    // Stays until the other side closes.
    ::_exit(descriptor >= 0 && ::read(descriptor, &byte, 1) == 0 ? 0 : 2);
  }
  auto accepted = accept();
  ASSERT_TRUE(accepted);
  EXPECT_EQ(peer_user(accepted->socket).value(), nobody);
  accepted.reset();
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(ListenerTest, WithoutDescriptorsItTriesAgain) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  test::RawClient client(io_, path_);
  // All that are left; the lowest is the next that would be taken.
  const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(lowest);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(lowest);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  std::optional<Listener::Accepted> accepted;
  bool done = false;
  asio::co_spawn(io_, listener_->accept(), [&](std::exception_ptr, std::optional<Listener::Accepted> value) {
    accepted = std::move(value);
    done = true;
  });
  io_.restart();
  // What fails is over before it pauses.
  io_.poll();
  EXPECT_FALSE(done);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  while (!done && io_.run_one() > 0) {
  }
  EXPECT_TRUE(accepted);
}

TEST_F(ListenerTest, ClosedItRemovesItsFileAndAcceptsNothing) {
  EXPECT_TRUE(std::filesystem::exists(path_));
  listener_->close();
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(accept());
}

TEST_F(ListenerTest, AFileThatAnotherProcessMadeStays) {
  std::filesystem::remove(path_);
  auto other = Listener::on_unix(io_.get_executor(), path_);
  ASSERT_TRUE(other);
  listener_->close();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace gogrid::net
