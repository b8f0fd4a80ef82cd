// The Files API of a whole coordinator: what it takes, what it refuses, and that nothing is left of what did not become
// a file.
#include "coordinator/coordinator_test_support.hpp"

namespace gogrid::coordinator {
namespace {

namespace asio = boost::asio;
using test::json;
using testing::HasSubstr;

std::string part(const std::string& disposition, const std::string& content) {
  return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + content + "\r\n";
}

std::string form(const std::string& content, const std::string& more = "") {
  return part("name=\"file\"; filename=\"a.jsonl\"", content) + part("name=\"purpose\"", "batch") + more + "--b--\r\n";
}

class FileRoutes : public test::CoordinatorTest {
 protected:
  Reply send_form(std::string body, const std::string& type = "multipart/form-data; boundary=b") {
    net::HttpClientRequest made = request("POST", "/v1/files", std::move(body));
    made.headers.add("Content-Type", type);
    return send(std::move(made));
  }
};

TEST_F(FileRoutes, WhatIsNoFormForAFileIsRefusedAndLeavesNothing) {
  config.files.max_bytes = 1024;
  start();
  const std::string file = part("name=\"file\"; filename=\"a\"", "x");
  const std::string purpose = part("name=\"purpose\"", "batch");
  const struct {
    std::string body;
    int status;
    const char* says;
  } table[] = {
      {"", 400, "cut short"},
      {form("x").substr(0, 90), 400, "cut short"},
      {"--b--\r\n", 400, "\"file\" is missing"},
      {purpose + "--b--\r\n", 400, "\"file\" is missing"},
      {file + "--b--\r\n", 400, "\"purpose\" is missing"},
      {file + file + purpose + "--b--\r\n", 400, "must be one file"},
      {part("name=\"file\"", "x") + purpose + "--b--\r\n", 400, "with a file name"},
      {file + part("name=\"purpose\"", "vision") + "--b--\r\n", 400, "must be batch"},
      {file + part("name=\"purpose\"", std::string(300, 'x')) + "--b--\r\n", 400, "too long"},
      {form("x", part("name=\"purpos\"", "batch")), 400, "no field \"purpos\""},
      {form("x", part("name=\"expires_after[anchor]\"", "now")), 400, "must be created_at"},
      {form("x", part("name=\"expires_after[anchor]\"", "created_at")), 400, "from 3600 to"},
      {form("x",
            part("name=\"expires_after[anchor]\"", "created_at") + part("name=\"expires_after[seconds]\"", "3599")),
       400, "from 3600 to"},
      {"--b\r\nnonsense\r\n\r\n", 400, "is not multipart/form-data"},
      {form(std::string(1025, 'x')), 413, "at most 1024 bytes"},
      {form(std::string(200'000, 'x')), 413, "at most 1024 bytes"},
      {form("x") + std::string(100'000, 'x'), 413, "at most 1024 bytes"},
  };
  for (const auto& row : table) {
    const Reply reply = send_form(row.body);
    EXPECT_EQ(reply.status, row.status) << row.body.substr(0, 200) << reply.body;
    EXPECT_THAT(reply.message(), HasSubstr(row.says));
  }
  EXPECT_EQ(send_form(form("x"), "application/json").status, 415);
  EXPECT_EQ(send_form(form("x"), "multipart/form-data").status, 415);
  EXPECT_EQ(files_in("files"), 0);
  EXPECT_EQ(send_form(form(std::string(1024, 'x'))).status, 200);
  EXPECT_EQ(files_in("files"), 1);
}

TEST_F(FileRoutes, AFileNameIsTakenAsTextOnly) {
  start();
  const Reply reply = send_form(part("name=\"file\"; filename=\"../\x1b[2J\xe2\x80\xae\xff/a.jsonl\"", "x") +
                                part("name=\"purpose\"", "batch") + "--b--");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.value["filename"], "../[2J\xef\xbf\xbd/a.jsonl");
  EXPECT_EQ(files_in("files"), 1);
  const std::string id = reply.value["id"];
  const Reply content = call("GET", "/v1/files/" + id + "/content");
  EXPECT_EQ(content.body, "x");
  EXPECT_EQ(content.headers.get("Content-Disposition"), "attachment; filename=\"" + id + ".jsonl\"");
  EXPECT_EQ(call("HEAD", "/v1/files/" + id + "/content").headers.get("Content-Length"), "1");
}

TEST_F(FileRoutes, AnUploadThatIsBrokenOffLeavesNothing) {
  start();
  {
    net::HttpClientRequest made = request("POST", "/v1/files");
    made.headers.add("Content-Type", "multipart/form-data; boundary=b");
    const auto sent = std::make_shared<bool>(false);
    made.body_source = [sent](std::span<std::byte> buffer) -> asio::awaitable<Result<std::size_t>> {
      if (std::exchange(*sent, true)) co_return Error(ErrorCode::cancelled, "the client gives up");
      const std::string begun = part("name=\"file\"; filename=\"a\"", std::string(buffer.size(), 'x'));
      std::memcpy(buffer.data(), begun.data(), buffer.size());
      co_return buffer.size();
    };
    made.body_length_bytes = 10'000'000;
    EXPECT_EQ(send(std::move(made)).status, 0);
  }
  client = make_client();
  EXPECT_EQ(call("GET", "/v1/files").value["data"].size(), 0);
  stop();
  EXPECT_EQ(files_in("files"), 0);
}

TEST_F(FileRoutes, AnExpiredFileIsGoneAndItsBytesAreAtTheNextSweep) {
  start();
  const std::string expiry =
      part("name=\"expires_after[anchor]\"", "created_at") + part("name=\"expires_after[seconds]\"", "3600");
  const std::string id = send_form(form("x", expiry)).value["id"];
  const std::string stays = send_form(form("y")).value["id"];
  EXPECT_EQ(call("GET", "/v1/files/" + id).status, 200);
  clock.shift = std::chrono::seconds(3601);
  EXPECT_EQ(call("GET", "/v1/files/" + id).status, 404);
  EXPECT_EQ(call("GET", "/v1/files/" + id + "/content").status, 404);
  EXPECT_EQ(call("GET", "/v1/files").value["data"].size(), 1);
  EXPECT_EQ(call("GET", "/v1/files?order=asc").value["data"][0]["id"], stays);
  restart();
  // It sweeps as it starts.
  while (files_in("files") == 2)
    io.run_one();
  EXPECT_TRUE(std::filesystem::exists(config.server.data_dir / "files" / stays));
}

TEST_F(FileRoutes, WhatACrashLeftIsRemovedAtTheStart) {
  start();
  const std::string id = send_form(form("x")).value["id"];
  stop();
  const auto folder = config.server.data_dir / "files";
  ASSERT_TRUE(write_file_atomically(folder / "file-0000000000000007.part", "half", 0600));
  ASSERT_TRUE(write_file_atomically(folder / "file-0000000000000008", "without a record", 0600));
  start();
  EXPECT_EQ(files_in("files"), 1);
  EXPECT_EQ(call("GET", "/v1/files/" + id + "/content").body, "x");
}

TEST_F(FileRoutes, ListsSayWhatIsWrongWithTheirFilters) {
  start();
  for (const char* query : {"limit=0", "limit=10001", "limit=x", "order=up", "after=x", "after=batch_0000000000000001"})
    EXPECT_EQ(call("GET", std::string("/v1/files?") + query).status, 400) << query;
  EXPECT_EQ(call("GET", "/v1/files?purpose=nothing").value["data"].size(), 0);
  EXPECT_EQ(call("GET", "/v1/files?key=all").status, 200);
  EXPECT_EQ(call("GET", "/v1/files/../../gogrid.db").status, 400);
  EXPECT_EQ(call("GET", "/v1/files/..%2f..%2fgogrid.db/content").status, 404);
  EXPECT_EQ(call("GET", "/v1/batches?limit=101").status, 400);
  EXPECT_EQ(call("GET", "/v1/batches/batch_0000000000000001").status, 404);
  EXPECT_EQ(call_with_key("", "GET", "/v1/files").status, 401);
  const json inference{{"name", "one"}, {"scopes", {"inference"}}};
  const std::string key = call("POST", "/api/v1/keys", inference).value["key"];
  EXPECT_EQ(call_with_key(key, "GET", "/v1/files?key=all").status, 403);
}

}  // namespace
}  // namespace gogrid::coordinator
