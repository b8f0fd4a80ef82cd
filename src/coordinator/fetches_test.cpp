// Models that the coordinator fetches, from a real HTTPS server that behaves well and badly.
#include <charconv>

#include "coordinator/coordinator_test_support.hpp"

namespace gogrid::coordinator {
namespace {

namespace asio = boost::asio;
using domain::test::good_gguf;
using domain::test::split_gguf;
using nlohmann::json;
using testing::HasSubstr;

class Fetches : public test::CoordinatorTest {
 protected:
  Fetches()
      : tls_(net::test::make_tls()), server_(io, tls_.server, [this](auto& exchange) { return answer(exchange); }) {
    const auto ca = directory.path / "servers.pem";
    EXPECT_TRUE(write_file_atomically(ca, tls_.authority.certificate, 0600));
    base_ = "https://localhost:" + std::to_string(server_.server->port());
    config.models.allowed_urls = {base_ + "/models/"};
    config.models.ca_path = ca;
    config.models.max_fetch_bytes = 1'000'000;
  }
  ~Fetches() override { stop(); }

  // Files by path; what begins with "->" is a redirect.
  std::map<std::string, std::string> files_;
  std::string etag_ = "\"v1\"";
  // Bytes of each answer's body before it breaks off, and how often.
  std::size_t cut_after_ = std::string::npos;
  int cuts_ = 0;
  int status_ = 200;
  std::vector<std::string> ranges_;
  std::string base_;

  asio::awaitable<void> answer(net::HttpExchange& exchange) {
    const std::string path(exchange.request().path());
    net::ResponseHead head;
    const auto found = files_.find(path);
    if (found == files_.end() || status_ != 200) {
      head.status = status_ == 200 ? 404 : status_;
      co_await exchange.respond(head, "no");
      co_return;
    }
    if (found->second.starts_with("->")) {
      head.status = 302;
      head.headers.add("Location", found->second.substr(2));
      co_await exchange.respond(head, "");
      co_return;
    }
    const std::string range(exchange.request().headers.get("Range").value_or(""));
    ranges_.push_back(range);
    std::size_t begin = 0;
    const bool same = exchange.request().headers.get("If-Range").value_or(etag_) == etag_;
    if (range.starts_with("bytes=") && same) {
      std::from_chars(range.data() + 6, range.data() + range.size(), begin);
      head.status = 206;
      head.headers.add("Content-Range", "bytes " + std::to_string(begin) + "-" +
                                            std::to_string(found->second.size() - 1) + "/" +
                                            std::to_string(found->second.size()));
    }
    if (!etag_.empty()) head.headers.add("ETag", etag_);
    const std::string body = found->second.substr(begin);
    head.headers.add("Content-Length", std::to_string(body.size()));
    co_await exchange.start(head);
    const bool cut = cuts_ > 0 && body.size() > cut_after_;
    if (cut) --cuts_;
    const std::string_view part = std::string_view(body).substr(0, cut ? cut_after_ : body.size());
    co_await exchange.write(part);
    if (!cut) co_await exchange.finish();
  }

  Reply begin(const std::string& path, const std::string& name, json more = json::object()) {
    more["kind"] = "model";
    more["name"] = name;
    more["url"] = path.starts_with("http") ? path : base_ + path;
    return call("POST", "/api/v1/uploads", more);
  }
  // Its last state, when it is done or has failed.
  json settled(const Reply& begun) {
    EXPECT_EQ(begun.status, 202) << begun.body;
    const std::string target = "/api/v1/uploads/" + begun.value.value("id", "");
    for (;;) {
      json seen = call("GET", target).value;
      const std::string state = seen.value("state", "failed");
      if (state == "done" || state == "failed") return seen;
    }
  }

  net::test::TestTls tls_;
  net::test::TestServer server_;
};

TEST_F(Fetches, AModelIsFetchedAndServed) {
  start();
  const std::string file = good_gguf();
  files_["/models/tiny.gguf"] = file;
  const json done = settled(begin("/models/tiny.gguf?token=s3cret", "tiny", {{"tags", {"web"}}, {"slots", 2}}));
  EXPECT_EQ(done["state"], "done") << done;
  EXPECT_EQ(done["url"], base_ + "/models/tiny.gguf") << "without the query";
  const json model = call("GET", "/api/v1/models/tiny").value;
  EXPECT_EQ(model["sha256"], Sha256::hex(as_bytes(file)));
  EXPECT_EQ(model["tags"], (json{"web"}));
  EXPECT_EQ(model["slots"], 2);
  EXPECT_EQ(files_in("uploads"), 0u);
  EXPECT_EQ(files_in("fetches"), 0u);
  // Nothing of it is listed any more, and nobody learns the secret.
  EXPECT_EQ(call("GET", "/api/v1/uploads").value["data"].size(), 0u);
  EXPECT_THAT(call("GET", "/api/v1/audit").body,
              testing::AllOf(HasSubstr("model.fetch"), testing::Not(HasSubstr("s3cret"))));
  EXPECT_EQ(begin("/models/tiny.gguf", "tiny").code(), "\"name_taken\"");
}

TEST_F(Fetches, AllPartsOfASplitModelAreFetched) {
  start();
  for (std::uint16_t i = 0; i < 3; ++i)
    files_["/models/big-0000" + std::to_string(i + 1) + "-of-00003.gguf"] = split_gguf(i, 3);
  const json done = settled(begin("/models/big-00001-of-00003.gguf", "big"));
  EXPECT_EQ(done["state"], "done") << done;
  EXPECT_EQ(done["files"], 3);
  EXPECT_EQ(call("GET", "/api/v1/models/big").value["files"].size(), 3u);
}

TEST_F(Fetches, OnlyWhatIsAllowedIsFetched) {
  start();
  const std::string port = std::to_string(server_.server->port());
  for (const std::string& url : {base_ + "/other/a.gguf", "https://127.0.0.1:" + port + "/models/a.gguf",
                                 "http://localhost:" + port + "/models/a.gguf", base_ + "/models/../other/a.gguf"}) {
    const Reply refused = begin(url, "m");
    EXPECT_TRUE(refused.status == 403 || refused.status == 400) << refused.body;
  }
  EXPECT_THAT(begin(base_ + "/other/a.gguf", "m").message(), HasSubstr("allowed_urls"));
  files_["/models/away.gguf"] = "->/other/a.gguf";
  files_["/other/a.gguf"] = good_gguf();
  EXPECT_THAT(settled(begin("/models/away.gguf", "away"))["detail"].get<std::string>(),
              HasSubstr("sends on elsewhere"));
  files_["/models/near.gguf"] = "->b.gguf";
  files_["/models/b.gguf"] = good_gguf();
  EXPECT_EQ(settled(begin("/models/near.gguf", "near"))["state"], "done");
  files_["/models/circle.gguf"] = "->circle.gguf";
  EXPECT_THAT(settled(begin("/models/circle.gguf", "circle"))["detail"].get<std::string>(),
              HasSubstr("without an end"));
}

TEST_F(Fetches, WithoutAListNothingIsAllowed) {
  config.models.allowed_urls.clear();
  start();
  const Reply refused = begin("/models/a.gguf", "m");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.code(), "\"url_not_allowed\"");
  EXPECT_THAT(refused.message(), HasSubstr("coordinator.toml"));
}

TEST_F(Fetches, ItGoesOnWhereTheConnectionBroke) {
  start();
  files_["/models/tiny.gguf"] = good_gguf();
  cut_after_ = 600;
  cuts_ = 1;
  EXPECT_EQ(settled(begin("/models/tiny.gguf", "tiny"))["state"], "done");
  EXPECT_EQ(ranges_, (std::vector<std::string>{"", "bytes=600-"}));
}

TEST_F(Fetches, AFileThatChangedMeanwhileIsFetchedAnew) {
  start();
  files_["/models/tiny.gguf"] = good_gguf();
  cut_after_ = 600;
  cuts_ = 1;
  const Reply begun = begin("/models/tiny.gguf", "tiny");
  // Its first part has come.
  while (cuts_ > 0)
    io.run_one();
  files_["/models/tiny.gguf"] = good_gguf(3, "Other");
  etag_ = "\"v2\"";
  EXPECT_EQ(settled(begun)["state"], "done");
  EXPECT_EQ(call("GET", "/api/v1/models/tiny").value["title"], "Other");
}

TEST_F(Fetches, ItGoesOnAfterARestart) {
  start();
  files_["/models/tiny.gguf"] = good_gguf();
  cut_after_ = 600;
  cuts_ = 1;
  const std::string id = begin("/models/tiny.gguf", "tiny").value["id"];
  while (cuts_ > 0)
    io.run_one();
  while (call("GET", "/api/v1/uploads/" + id).value["offset_bytes"] != 600) {
  }
  restart();
  json seen;
  do {
    seen = call("GET", "/api/v1/uploads/" + id).value;
  } while (seen["state"] != "done" && seen["state"] != "failed");
  EXPECT_EQ(seen["state"], "done") << seen;
  EXPECT_EQ(ranges_.back(), "bytes=600-");
  EXPECT_EQ(call("GET", "/api/v1/models/tiny").status, 200);
}

TEST_F(Fetches, WhatIsWrongIsSaid) {
  start();
  files_["/models/page.gguf"] = "<html>Please log in</html>";
  files_["/models/huge.gguf"] = good_gguf() + std::string(1'000'000, 'x');
  files_["/models/cut.gguf"] = good_gguf().substr(0, 600);
  files_["/models/good.gguf"] = good_gguf();
  const struct {
    const char* path;
    json more;
    const char* says;
  } table[] = {
      {"/models/none.gguf", json::object(), "status 404"},
      {"/models/page.gguf", json::object(), "not a GGUF file"},
      {"/models/huge.gguf", json::object(), "max_fetch_bytes"},
      {"/models/cut.gguf", json::object(), "truncated"},
      {"/models/good.gguf", {{"sha256", std::string(64, 'a')}}, "not the one that was asked for"},
  };
  for (const auto& row : table) {
    const json failed = settled(begin(row.path, "m", row.more));
    EXPECT_EQ(failed["state"], "failed") << row.path;
    EXPECT_THAT(failed["detail"].get<std::string>(), HasSubstr(row.says));
    EXPECT_EQ(call("DELETE", "/api/v1/uploads/" + failed["id"].get<std::string>()).status, 204);
  }
  EXPECT_EQ(files_in("fetches"), 0u);
  EXPECT_EQ(call("GET", "/api/v1/uploads").value["data"].size(), 0u);
  // With the right one.
  EXPECT_EQ(settled(begin("/models/good.gguf", "m", {{"sha256", Sha256::hex(as_bytes(good_gguf()))}}))["state"],
            "done");
}

TEST_F(Fetches, AFailedOneIsListedAndCanBeTriedAgain) {
  start();
  status_ = 403;
  files_["/models/tiny.gguf"] = good_gguf();
  const json failed = settled(begin("/models/tiny.gguf", "tiny"));
  EXPECT_EQ(failed["state"], "failed");
  restart();
  const json listed = call("GET", "/api/v1/uploads").value["data"];
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0]["state"], "failed");
  EXPECT_THAT(listed[0]["detail"].get<std::string>(), HasSubstr("403"));
  status_ = 200;
  EXPECT_EQ(begin("/models/other.gguf", "tiny").code(), "\"name_taken\"");
  const Reply again = begin("/models/tiny.gguf", "tiny");
  EXPECT_EQ(again.value["id"], failed["id"]);
  EXPECT_EQ(settled(again)["state"], "done");
}

}  // namespace
}  // namespace gogrid::coordinator
