// Blobs as workers fetch them: with a ticket, whole and in part, over a real Unix socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "coordinator/api/admin_routes.hpp"
#include "coordinator/keys.hpp"
#include "net/net_test_support.hpp"

namespace gogrid::coordinator {
namespace {

namespace asio = boost::asio;

class NoKeys final : public store::KeyStore {
 public:
  store::Pending<> add_key(store::KeyRecord) override { co_return Result<void>(); }
  store::Pending<std::vector<store::KeyRecord>> list_keys() override { co_return std::vector<store::KeyRecord>(); }
  store::Pending<> revoke_key(std::string, SystemTime) override { co_return Result<void>(); }
  store::Pending<> set_key_policy(std::string, store::KeyPolicy) override { co_return Result<void>(); }
  store::Pending<> rename_key(std::string, std::string) override { co_return Result<void>(); }
  store::Pending<> note_key_uses(std::vector<LastUse>) override { co_return Result<void>(); }
};

class BlobRoutes : public testing::Test {
 protected:
  BlobRoutes() {
    // Several chunks, and not a multiple of them.
    for (int i = 0; content.size() < 1'000'003; ++i)
      content += std::to_string(i) + " ";
    content.resize(1'000'003);
    EXPECT_TRUE(files.prepare());
    EXPECT_TRUE(write_file_atomically(files.blob_path(sha256), content, 0600));
    EXPECT_TRUE(write_file_atomically(files.blob_path(unserved), content, 0600));
    BlobAccess access;
    access.worker_of_ticket = [](std::string_view ticket) {
      return ticket == "good" ? std::optional<std::string>("wk_1") : std::nullopt;
    };
    access.may_fetch = [this](const std::string& worker_id) { return worker_id == "wk_1" && checks_left-- > 0; };
    access.is_served = [this](const std::string& id) { return id == sha256; };
    mount_blob_routes(router, files, pool, std::move(access));
  }
  net::test::Answer get(std::string id, std::string ticket = "good", std::string range = "",
                        std::string method = "GET") {
    net::HttpClientRequest request;
    request.method = std::move(method);
    request.target = "/worker/v1/blobs/" + id;
    if (!ticket.empty()) request.headers.add("Authorization", "Bearer " + ticket);
    if (!range.empty()) request.headers.add("Range", range);
    return net::test::run(io, net::test::fetch(*client, std::move(request)));
  }

  asio::io_context io{1};
  net::test::TemporaryDirectory directory;
  asio::thread_pool pool{2};
  BlobStore files{directory.path};
  const std::string sha256 = std::string(64, 'a');
  const std::string unserved = std::string(64, 'b');
  std::string content;
  // Until the worker is revoked.
  int checks_left = 1000;
  RealClock clock;
  NoKeys store;
  KeyRing keys{store, clock};
  Router router{keys, clock};
  net::test::TestServer server{io, [this](net::HttpExchange& exchange) { return router.handle(exchange); }};
  std::unique_ptr<net::HttpClient> client = net::make_http_client(io.get_executor(), server.endpoint());
};

TEST_F(BlobRoutes, AWholeBlobAndItsParts) {
  const auto whole = get(sha256);
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body, content);
  EXPECT_EQ(whole.headers.get("Accept-Ranges"), "bytes");
  const auto part = get(sha256, "good", "bytes=500000-");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, content.substr(500'000));
  EXPECT_EQ(part.headers.get("Content-Range"), "bytes 500000-1000002/1000003");
  EXPECT_EQ(get(sha256, "good", "bytes=7-11").body, content.substr(7, 5));
  const auto beyond = get(sha256, "good", "bytes=1000003-");
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.headers.get("Content-Range"), "bytes */1000003");
}

TEST_F(BlobRoutes, HeadTellsTheSize) {
  const auto head = get(sha256, "good", "", "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.get("Content-Length"), "1000003");
  EXPECT_EQ(head.body, "");
}

TEST_F(BlobRoutes, NothingWithoutATicketAndNothingElse) {
  EXPECT_EQ(get(sha256, "").status, 401);
  EXPECT_EQ(get(sha256, "bad").status, 401);
  EXPECT_EQ(get(unserved).status, 404);
  EXPECT_EQ(get(std::string(64, 'c')).status, 404);
  EXPECT_EQ(get("..%2f..%2fgogrid.db").status, 404);
}

TEST_F(BlobRoutes, AWorkerThatIsRevokedGetsNoMoreOfABlob) {
  checks_left = 2;
  const auto answer = get(sha256);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.substr(0, 9), "protocol:") << answer.body.size();
}

TEST_F(BlobRoutes, ABlobThatShrinksWhileItIsReadBreaksOff) {
  ASSERT_TRUE(write_file_atomically(files.blob_path(sha256), "short", 0600));
  EXPECT_EQ(get(sha256).body, "short");
}

}  // namespace
}  // namespace gogrid::coordinator
