// Uploads and the library they fill, against a whole coordinator.
#include "coordinator/coordinator_test_support.hpp"

namespace gogrid::coordinator {
namespace {

namespace asio = boost::asio;
using domain::test::good_gguf;
using nlohmann::json;
using testing::HasSubstr;

class UploadApi : public test::CoordinatorTest {
 protected:
  UploadApi() { start(); }
};

TEST_F(UploadApi, AModelIsUploadedDescribedAndRemoved) {
  const std::string file = good_gguf();
  const Reply done = upload(file, "org/tiny:q4");
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.value["complete"], true);
  EXPECT_EQ(files_in("blobs"), 1u);
  EXPECT_EQ(files_in("uploads"), 0u);
  restart();
  for (const char* target : {"/api/v1/models/org/tiny:q4", "/api/v1/models/org%2Ftiny%3Aq4"}) {
    const json model = call("GET", target).value;
    EXPECT_EQ(model["name"], "org/tiny:q4");
    EXPECT_EQ(model["kind"], "chat");
    EXPECT_EQ(model["context_tokens"], 512);
    EXPECT_EQ(model["slots"], 4);
    EXPECT_EQ(model["architecture"], "llama");
    EXPECT_EQ(model["quantization"], "Q4_K_M");
    EXPECT_EQ(model["parameters"], 768);
    EXPECT_EQ(model["replicas"], (json{{"ready", 0}, {"total", 0}}));
  }
  EXPECT_EQ(call("DELETE", "/api/v1/models/org/tiny:q4").status, 204);
  EXPECT_EQ(call("DELETE", "/api/v1/models/org/tiny:q4").status, 404);
  EXPECT_EQ(files_in("blobs"), 0u);
}

TEST_F(UploadApi, AFileThatIsThereAlreadyIsRegisteredAtOnceAndDeletedWithItsLastModel) {
  const std::string file = good_gguf();
  ASSERT_EQ(upload(file, "one").status, 200);
  json body = upload_of(file, "two");
  body["slots"] = 9;
  body["context_tokens"] = 128;
  body["model_kind"] = "rerank";
  const Reply again = call("POST", "/api/v1/uploads", body);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.value["complete"], true);
  EXPECT_EQ(call("GET", "/api/v1/models/two").value["slots"], 9);
  EXPECT_EQ(call("GET", "/api/v1/models/two").value["kind"], "rerank");
  // The same name and file again: new settings for the same model.
  const std::string id = call("GET", "/api/v1/models/two").value["id"];
  body["slots"] = 2;
  EXPECT_EQ(call("POST", "/api/v1/uploads", body).status, 200);
  EXPECT_EQ(call("GET", "/api/v1/models/" + id).value["slots"], 2);
  // The name is another model's.
  EXPECT_EQ(upload(good_gguf(3, "Other"), "two").code(), "\"name_taken\"");
  EXPECT_EQ(call("DELETE", "/api/v1/models/one").status, 204);
  EXPECT_EQ(files_in("blobs"), 1u);
  EXPECT_EQ(call("DELETE", "/api/v1/models/two").status, 204);
  EXPECT_EQ(files_in("blobs"), 0u);
}

TEST_F(UploadApi, AModelsSizeIsItsFilesWhateverAnUploaderSays) {
  const std::string file = good_gguf();
  ASSERT_EQ(upload(file, "one").status, 200);
  json body = upload_of(file, "one");
  body["size_bytes"] = 1;
  const Reply reply = call("POST", "/api/v1/uploads", body);
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.code(), "\"wrong_size\"");
  EXPECT_EQ(call("GET", "/api/v1/models/one").value["size_bytes"], file.size());
}

TEST_F(UploadApi, AFileWhoseNameIsTakenMeanwhileWaitsForAnother) {
  const std::string file = good_gguf();
  const json body = upload_of(file, "wanted");
  const std::string id = body["sha256"];
  ASSERT_EQ(call("POST", "/api/v1/uploads", body).status, 201);
  ASSERT_EQ(put(id, 0, file.substr(0, 100)).status, 200);
  ASSERT_EQ(upload(good_gguf(3, "Other"), "wanted").status, 200);
  EXPECT_EQ(put(id, 100, file.substr(100)).code(), "\"name_taken\"");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(call("GET", "/api/v1/uploads/" + id).value["offset_bytes"], file.size());
    EXPECT_EQ(call("POST", "/api/v1/uploads", body).code(), "\"name_taken\"");
    restart();
  }
  const Reply begun = call("POST", "/api/v1/uploads", upload_of(file, "another"));
  EXPECT_EQ(begun.value["offset_bytes"], file.size());
  EXPECT_EQ(begun.value["complete"], false);
  EXPECT_EQ(put(id, file.size(), "").value["complete"], true);
  EXPECT_EQ(call("GET", "/api/v1/models/another").value["sha256"], id);
  EXPECT_EQ(files_in("uploads"), 0u);
}

TEST_F(UploadApi, AFileThatWasNotRegisteredWhenTheCoordinatorDiedIsKept) {
  const std::string file = good_gguf();
  const json body = upload_of(file, "m");
  const std::string id = body["sha256"];
  ASSERT_EQ(call("POST", "/api/v1/uploads", body).status, 201);
  stop();
  ASSERT_TRUE(write_file_atomically(config.server.data_dir / "blobs" / id, file, 0600));
  start();
  EXPECT_EQ(call("POST", "/api/v1/uploads", body).value["offset_bytes"], file.size());
  EXPECT_EQ(put(id, file.size(), "").value["complete"], true);
}

TEST_F(UploadApi, UnfinishedUploadsAreListedAndExpire) {
  const std::string file = good_gguf();
  const json body = upload_of(file, "m");
  ASSERT_EQ(call("POST", "/api/v1/uploads", body).status, 201);
  ASSERT_EQ(put(body["sha256"], 0, file.substr(0, 100)).status, 200);
  const json data = call("GET", "/api/v1/uploads").value["data"];
  ASSERT_EQ(data.size(), 1u);
  EXPECT_EQ(data[0]["id"], body["sha256"]);
  EXPECT_EQ(data[0]["kind"], "model");
  EXPECT_EQ(data[0]["name"], "m");
  EXPECT_EQ(data[0]["offset_bytes"], 100);
  EXPECT_EQ(data[0]["size_bytes"], file.size());
  EXPECT_TRUE(data[0]["created_at"].is_number());
  clock.shift += std::chrono::hours(24 * 8);
  // The next one tidies up.
  ASSERT_EQ(call("POST", "/api/v1/uploads", upload_of(good_gguf(3, "Other"), "other")).status, 201);
  EXPECT_EQ(call("GET", "/api/v1/uploads/" + body["sha256"].get<std::string>()).status, 404);
  EXPECT_EQ(files_in("uploads"), 0u);
}

TEST_F(UploadApi, AnUploadOfAnotherLengthBeginsAnew) {
  const std::string file = good_gguf();
  json body = upload_of(file, "m");
  body["size_bytes"] = file.size() + 1;
  ASSERT_EQ(call("POST", "/api/v1/uploads", body).status, 201);
  ASSERT_EQ(put(body["sha256"], 0, file.substr(0, 100)).status, 200);
  body["size_bytes"] = file.size();
  EXPECT_EQ(call("POST", "/api/v1/uploads", body).value["offset_bytes"], 0);
  EXPECT_EQ(files_in("uploads"), 0u);
  EXPECT_EQ(put(body["sha256"], 0, file).value["complete"], true);
}

TEST_F(UploadApi, TooManyUnfinishedUploadsAreRefusedWithATimeToTryAgain) {
  json body = upload_of(good_gguf(), "m");
  Reply reply;
  for (int i = 0; i <= 256; ++i) {
    body["sha256"] = Sha256::hex(as_bytes(std::to_string(i)));
    reply = call("POST", "/api/v1/uploads", body);
  }
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.code(), "\"too_many_uploads\"");
  EXPECT_TRUE(reply.headers.get("Retry-After"));
}

TEST_F(UploadApi, AnUploadGoesOnWhereItStoodAlsoAfterARestart) {
  const std::string file = good_gguf();
  const json body = upload_of(file, "m");
  const std::string id = body["sha256"];
  ASSERT_EQ(call("POST", "/api/v1/uploads", body).status, 201);
  EXPECT_EQ(put(id, 0, file.substr(0, 3)).value["offset_bytes"], 3);
  EXPECT_EQ(put(id, 3, file.substr(3, 97)).value["offset_bytes"], 100);
  restart();
  EXPECT_EQ(call("GET", "/api/v1/uploads/" + id).value["offset_bytes"], 100);
  const Reply begun = call("POST", "/api/v1/uploads", body);
  EXPECT_EQ(begun.status, 201);
  EXPECT_EQ(begun.value["offset_bytes"], 100);
  const Reply wrong = put(id, 50, file.substr(50));
  EXPECT_EQ(wrong.status, 409);
  EXPECT_EQ(wrong.value["error"]["param"], "100");
  const Reply done = put(id, 100, file.substr(100));
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.value["complete"], true);
  EXPECT_EQ(call("GET", "/api/v1/uploads/" + id).value["complete"], true);
  EXPECT_EQ(call("GET", "/api/v1/models/m").status, 200);
}

TEST_F(UploadApi, WhatCameBeforeAConnectionBrokeIsKept) {
  const std::string file = good_gguf();
  const json body = upload_of(file, "m");
  const std::string id = body["sha256"];
  ASSERT_EQ(call("POST", "/api/v1/uploads", body).status, 201);
  net::HttpClientRequest made = request("PUT", "/api/v1/uploads/" + id + "?offset=0");
  made.body_length_bytes = file.size();
  int parts = 0;
  made.body_source = [&](std::span<std::byte> buffer) -> asio::awaitable<Result<std::size_t>> {
    if (parts++ > 0) co_return Error(ErrorCode::cancelled, "the test breaks off");
    std::memcpy(buffer.data(), file.data(), 200);
    co_return std::size_t{200};
  };
  EXPECT_EQ(send(std::move(made)).status, 0);
  std::int64_t offset = 0;
  // The server learns of it on its own connection, in its own time.
  for (int attempt = 0; attempt < 1000 && offset == 0; ++attempt)
    offset = call("GET", "/api/v1/uploads/" + id).value["offset_bytes"];
  EXPECT_EQ(offset, 200);
  EXPECT_EQ(put(id, 200, file.substr(200)).value["complete"], true);
}

TEST_F(UploadApi, ANewerConnectionTakesAnUploadOver) {
  const std::string file = good_gguf();
  const json body = upload_of(file, "m");
  const std::string id = body["sha256"];
  ASSERT_EQ(call("POST", "/api/v1/uploads", body).status, 201);
  // One that sends a little and then hangs.
  net::test::Event hangs(io.get_executor());
  net::test::Event let_go(io.get_executor());
  const auto slow_client = make_client();
  const auto hang = [&]() -> asio::awaitable<void> {
    net::HttpClientRequest made = request("PUT", "/api/v1/uploads/" + id + "?offset=0");
    made.body_length_bytes = file.size();
    int parts = 0;
    made.body_source = [&](std::span<std::byte> buffer) -> asio::awaitable<Result<std::size_t>> {
      if (parts++ == 0) {
        std::memcpy(buffer.data(), file.data(), 10);
        co_return std::size_t{10};
      }
      if (let_go.happened()) co_return std::size_t{0};
      hangs.set();
      co_await let_go.wait();
      std::memcpy(buffer.data(), file.data() + 10, file.size() - 10);
      co_return file.size() - 10;
    };
    const auto answer = co_await net::test::fetch(*slow_client, std::move(made));
    EXPECT_EQ(answer.status, 409) << answer.body;
  };
  TaskGroup group(io.get_executor());
  group.spawn("hang", hang());
  net::test::run(io, hangs.wait());
  EXPECT_EQ(put(id, 0, file.substr(0, 300)).value["offset_bytes"], 300);
  let_go.set();
  net::test::run(io, group.wait());
  EXPECT_EQ(put(id, 300, file.substr(300)).value["complete"], true);
}

TEST_F(UploadApi, WhatIsNoModelIsRefusedBeforeAnythingIsStored) {
  std::string absurd = good_gguf();
  absurd.replace(8, 8, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
  const std::string whole = good_gguf();
  const struct {
    std::string file;
    const char* says;
  } table[] = {
      {std::string(5000, 'x'), "not a GGUF"},
      {"GGUF", "truncated"},
      {absurd, "damaged"},
      {whole.substr(0, whole.size() - 64), "truncated"},
      {whole.substr(0, 100), "truncated"},
  };
  for (const auto& row : table) {
    const Reply reply = upload(row.file, "m");
    EXPECT_EQ(reply.status, 400) << row.says;
    EXPECT_EQ(reply.code(), "\"not_a_model\"");
    EXPECT_THAT(reply.message(), HasSubstr(row.says));
    EXPECT_EQ(files_in("uploads"), 0u);
    EXPECT_EQ(files_in("blobs"), 0u);
  }
  EXPECT_EQ(call("GET", "/api/v1/models").value["data"].size(), 0u);
}

TEST_F(UploadApi, AHeaderIsCheckedInHoweverManyPartsItComes) {
  const std::string bad = "GGUF" + std::string(100'000, 'x');
  const json body = upload_of(bad, "m");
  for (const bool restarted : {false, true}) {
    ASSERT_EQ(call("POST", "/api/v1/uploads", body).status, 201);
    ASSERT_EQ(put(body["sha256"], 0, bad.substr(0, 4)).value["offset_bytes"], 4);
    if (restarted) restart();
    EXPECT_EQ(put(body["sha256"], 4, bad.substr(4, 50'000)).code(), "\"not_a_model\"");
    EXPECT_EQ(files_in("uploads"), 0u);
  }
  const std::string good = good_gguf();
  const json wanted = upload_of(good, "m");
  ASSERT_EQ(call("POST", "/api/v1/uploads", wanted).status, 201);
  Reply reply;
  for (std::size_t at = 0; at < good.size(); at += 97)
    reply = put(wanted["sha256"], at, good.substr(at, 97));
  EXPECT_EQ(reply.value["complete"], true) << reply.body;
}

TEST_F(UploadApi, AnotherFileThanWasAnnouncedIsRefusedAtItsEnd) {
  std::string file = good_gguf();
  const json body = upload_of(file, "m");
  file.back() ^= 1;
  ASSERT_EQ(call("POST", "/api/v1/uploads", body).status, 201);
  const Reply reply = put(body["sha256"], 0, file);
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.code(), "\"checksum\"");
  EXPECT_EQ(files_in("uploads") + files_in("blobs"), 0u);
  EXPECT_EQ(call("GET", "/api/v1/uploads/" + body["sha256"].get<std::string>()).status, 404);
}

TEST_F(UploadApi, MoreBytesThanAnnouncedAreRefused) {
  const std::string file = good_gguf();
  const json body = upload_of(file, "m");
  ASSERT_EQ(call("POST", "/api/v1/uploads", body).status, 201);
  EXPECT_EQ(put(body["sha256"], 0, file + "x").code(), "\"too_many_bytes\"");
}

TEST_F(UploadApi, AnUploadCanBeGivenUp) {
  const std::string file = good_gguf();
  const json body = upload_of(file, "m");
  const std::string target = "/api/v1/uploads/" + body["sha256"].get<std::string>();
  ASSERT_EQ(call("POST", "/api/v1/uploads", body).status, 201);
  ASSERT_EQ(put(body["sha256"], 0, file.substr(0, 100)).status, 200);
  EXPECT_EQ(files_in("uploads"), 1u);
  EXPECT_EQ(call("DELETE", target).status, 204);
  EXPECT_EQ(files_in("uploads"), 0u);
  EXPECT_EQ(call("GET", target).status, 404);
  EXPECT_EQ(put(body["sha256"], 0, file).status, 404);
}

TEST_F(UploadApi, FilesThatBelongToNothingAreTidiedAtTheStart) {
  const std::string file = good_gguf();
  ASSERT_EQ(upload(file, "m").status, 200);
  stop();
  const auto& data = config.server.data_dir;
  ASSERT_TRUE(write_file_atomically(data / "blobs" / std::string(64, 'e'), "x", 0600));
  ASSERT_TRUE(write_file_atomically(data / "uploads" / (std::string(64, 'e') + ".part"), "x", 0600));
  start();
  EXPECT_EQ(files_in("blobs"), 1u);
  EXPECT_EQ(files_in("uploads"), 0u);
}

TEST_F(UploadApi, AFileTooLargeForTheDiskIsRefusedAtOnce) {
  json body = upload_of(good_gguf(), "m");
  body["size_bytes"] = std::int64_t{1} << 45;
  const Reply reply = call("POST", "/api/v1/uploads", body);
  EXPECT_EQ(reply.status, 507) << reply.body;
  EXPECT_EQ(reply.code(), "\"disk_full\"");
}

TEST_F(UploadApi, WhatIsNoEngineBundleIsRefused) {
  const Reply text = call("POST", "/api/v1/uploads", upload_of("not zstd", "e", "engine"));
  ASSERT_EQ(text.status, 201);
  EXPECT_EQ(put(text.value["id"], 0, "not zstd").code(), "\"not_an_engine\"");
  const std::string magic("\x28\xb5\x2f\xfd garbage after the magic number", 30);
  const Reply garbage = call("POST", "/api/v1/uploads", upload_of(magic, "e", "engine"));
  EXPECT_EQ(put(garbage.value["id"], 0, magic).code(), "\"not_an_engine\"");
  EXPECT_EQ(files_in("uploads") + files_in("blobs"), 0u);
}

}  // namespace
}  // namespace gogrid::coordinator
