// Webhooks over real HTTPS and HTTP, and what they go by.
#include "coordinator/jobs/webhooks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/sha256.hpp"
#include "net/net_test_support.hpp"

namespace gogrid::coordinator {
namespace {

namespace asio = boost::asio;
using net::test::run;
using testing::HasSubstr;
using namespace std::chrono_literals;

class StandingClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return std::chrono::steady_clock::now(); }
  SystemTime system_now() const override { return now; }
  SystemTime now = from_unix_seconds(1'800'000'000);
};

// In memory; tells of each change.
class MemoryWebhooks final : public store::WebhookStore {
 public:
  explicit MemoryWebhooks(asio::io_context& io) : changed_(io, SteadyTime::max()) {}

  store::Pending<> add_webhook(store::WebhookRecord webhook) override {
    webhook.sequence = ++last;
    webhooks.push_back(std::move(webhook));
    co_return Result<void>();
  }
  store::Pending<std::vector<store::WebhookRecord>> list_webhooks(std::size_t limit) override {
    ++listed;
    auto sorted = webhooks;
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.next_at < b.next_at; });
    sorted.resize(std::min(limit, sorted.size()));
    changed_.cancel();
    co_return sorted;
  }
  store::Pending<> postpone_webhook(std::int64_t sequence, unsigned attempts, SystemTime next_at) override {
    for (auto& webhook : webhooks) {
      if (webhook.sequence != sequence) continue;
      webhook.attempts = attempts;
      webhook.next_at = next_at;
    }
    changed_.cancel();
    co_return Result<void>();
  }
  store::Pending<> remove_webhook(std::int64_t sequence) override {
    std::erase_if(webhooks, [sequence](const auto& webhook) { return webhook.sequence == sequence; });
    changed_.cancel();
    co_return Result<void>();
  }
  asio::awaitable<void> until(std::function<bool()> holds) {
    while (!holds())
      co_await changed_.async_wait(net::test::token);
  }

  std::vector<store::WebhookRecord> webhooks;
  std::int64_t last = 0;
  int listed = 0;

 private:
  asio::steady_timer changed_;
};

class Webhooks : public testing::Test {
 protected:
  struct Received {
    net::Headers headers;
    std::string target;
    std::string body;
  };

  Webhooks() : tasks(io.get_executor()) {
    options.allow_private = true;
    options.trusted_ca = tls.authority.certificate;
  }
  ~Webhooks() override {
    if (sender) sender->stop();
    run(io, tasks.wait());
  }
  void start() {
    sender.emplace(io.get_executor(), store, WebhookSecrets(std::string(32, 's')), clock, options);
    tasks.spawn("webhooks", sender->run());
  }
  void add(std::string url, unsigned attempts = 0, std::string key_id = "key1") {
    store::WebhookRecord webhook;
    webhook.id = "evt_" + std::to_string(store.last + 1);
    webhook.key_id = std::move(key_id);
    webhook.url = std::move(url);
    webhook.payload = R"({"type":"job.succeeded"})";
    webhook.attempts = attempts;
    webhook.next_at = clock.now;
    run(io, store.add_webhook(std::move(webhook))).value();
    if (sender) sender->wake();
  }
  void until(std::function<bool()> holds) { run(io, store.until(std::move(holds))); }
  std::string https() const { return "https://localhost:" + std::to_string(server.server->port()); }
  asio::awaitable<void> receive(net::HttpExchange& exchange) {
    ++open;
    most_open = std::max(most_open, open);
    auto body = co_await exchange.read_body(1024 * 1024);
    Received one;
    one.headers = exchange.request().headers;
    one.target = exchange.request().target;
    one.body = body ? *body : "";
    received.push_back(std::move(one));
    if (hold && received.size() < 8) co_await hold->wait();
    if (hold) hold->set();
    net::ResponseHead head;
    head.status = status;
    head.headers.add("Location", https() + "/elsewhere");
    std::string text = "x";
    --open;
    (void)co_await exchange.respond(std::move(head), std::move(text));
  }

  asio::io_context io{1};
  StandingClock clock;
  MemoryWebhooks store{io};
  const net::test::TestTls tls = net::test::make_tls();
  net::test::TestServer server{io, tls.server, [this](net::HttpExchange& exchange) { return receive(exchange); }};
  std::vector<Received> received;
  int status = 200;
  int open = 0;
  int most_open = 0;
  // Set when the eighth has come.
  std::optional<net::test::Event> hold;
  WebhookSender::Options options;
  std::optional<WebhookSender> sender;
  TaskGroup tasks;
};

TEST_F(Webhooks, AreSentSignedAndThenForgotten) {
  start();
  add(https() + "/hook?a=b");
  until([this] { return store.webhooks.empty(); });
  ASSERT_EQ(received.size(), 1);
  const Received& one = received.front();
  EXPECT_EQ(one.target, "/hook?a=b");
  EXPECT_EQ(one.body, R"({"type":"job.succeeded"})");
  EXPECT_EQ(one.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(one.headers.get("webhook-id"), "evt_1");
  EXPECT_EQ(one.headers.get("webhook-timestamp"), "1800000000");
  // As a receiver checks it: with the secret that is shown.
  const std::string shown = sender->secrets().shown("key1");
  ASSERT_TRUE(shown.starts_with("whsec_"));
  std::string secret_text = shown.substr(6);
  std::replace(secret_text.begin(), secret_text.end(), '+', '-');
  std::replace(secret_text.begin(), secret_text.end(), '/', '_');
  secret_text.erase(secret_text.find('='));
  const std::string secret = from_base64url(secret_text).value();
  const std::string expected = "v1," + to_base64(as_bytes(hmac_sha256(secret, "evt_1.1800000000." + one.body)));
  EXPECT_EQ(one.headers.get("webhook-signature"), expected);
  EXPECT_NE(sender->secrets().shown("key2"), shown);
}

TEST_F(Webhooks, AFailureIsTriedAgainLaterAndLaterAndGivenUpAfterThreeDays) {
  status = 500;
  start();
  add(https() + "/");
  until([this] { return store.webhooks.front().attempts == 1; });
  EXPECT_EQ(store.webhooks.front().next_at, clock.now + 5s);
  clock.now += 5s;
  sender->wake();
  until([this] { return store.webhooks.front().attempts == 2; });
  EXPECT_EQ(store.webhooks.front().next_at, clock.now + 15s);
  EXPECT_EQ(received[0].headers.get("webhook-id"), received[1].headers.get("webhook-id"));
  store.webhooks.clear();

  std::chrono::seconds sum{0};
  unsigned attempts = 1;
  for (; webhook_pause(attempts); ++attempts)
    sum += *webhook_pause(attempts);
  EXPECT_GE(sum, 72h);
  EXPECT_LE(sum, 81h);
  add(https() + "/", attempts - 1);
  until([this] { return store.webhooks.empty(); });
}

TEST_F(Webhooks, RedirectsAreNotFollowedAndAReceiverThatIsGoneIsLeftAlone) {
  status = 302;
  start();
  add(https() + "/");
  until([this] { return store.webhooks.front().attempts == 1; });
  EXPECT_EQ(received.size(), 1);
  store.webhooks.clear();
  status = 410;
  add(https() + "/");
  until([this] { return store.webhooks.empty(); });
  EXPECT_EQ(received.size(), 2);
}

TEST_F(Webhooks, AtMostEightAreSentAtOnce) {
  hold.emplace(io.get_executor());
  for (int i = 0; i < 20; ++i)
    add(https() + "/");
  start();
  until([this] { return store.webhooks.empty(); });
  EXPECT_EQ(received.size(), 20);
  EXPECT_EQ(most_open, 8);
}

TEST_F(Webhooks, NothingIsSentToAPrivateAddressWhateverItsNameIs) {
  options.allow_private = false;
  start();
  // A name that is checked where it is connected to, and an address that was taken while it was allowed.
  add(https() + "/");
  add("https://127.0.0.1:" + std::to_string(server.server->port()) + "/");
  until([this] { return store.webhooks.empty(); });
  EXPECT_TRUE(received.empty());
}

TEST_F(Webhooks, AReceiverThatCannotBeReachedHoldsUpItsOwnOnly) {
  asio::ip::tcp::acceptor taken(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const std::string dead = "http://127.0.0.1:" + std::to_string(taken.local_endpoint().port()) + "/";
  taken.close();
  add(dead);
  start();
  until([this] { return store.webhooks.front().attempts == 1; });
  // It is not asked again, and no attempt counted.
  add(dead);
  until([this] { return store.webhooks.back().next_at > clock.now; });
  EXPECT_EQ(store.webhooks.back().attempts, 0);
  add(https() + "/");
  until([this] { return store.webhooks.size() == 2; });
  EXPECT_EQ(received.size(), 1);
}

TEST_F(Webhooks, AnAnswerThatNeverComesIsGivenUpInTime) {
  options.timeout = 50ms;
  asio::ip::tcp::acceptor silent(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  add("http://127.0.0.1:" + std::to_string(silent.local_endpoint().port()) + "/");
  start();
  until([this] { return store.webhooks.front().attempts == 1; });
}

TEST_F(Webhooks, WithNothingToSendNothingIsAsked) {
  start();
  until([this] { return store.listed == 1; });
  bool posted = false;
  asio::post(io, [&posted] { posted = true; });
  while (!posted)
    io.run_one();
  EXPECT_EQ(store.listed, 1);
}

TEST(WebhookUrl, SaysWhatIsAllowed) {
  for (const char* url : {"https://example.com", "https://example.com:8443/hook?x=1#y", "https://1.1.1.1/",
                          "HTTPS://a.b/", "https://[2606:4700:4700::1111]/"})
    EXPECT_TRUE(check_webhook_url(url, false)) << url;
  for (const char* url : {"http://10.0.0.1/hook", "http://localhost:9000/", "https://[::1]:1/"}) {
    EXPECT_FALSE(check_webhook_url(url, false)) << url;
    EXPECT_TRUE(check_webhook_url(url, true)) << url;
  }
  for (const char* url :
       {"", "example.com", "ftp://example.com/", "https://", "https:///path", "https://user@example.com/",
        "https://user:secret@example.com/", "https://example.com:0/", "https://example.com:99999/",
        "https://exa mple.com/", "https://ex%00ample.com/", "https://[v1.a]/", "file:///etc/passwd", "https://a\r\nb/",
        // Addresses in spellings that only resolvers know.
        "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://127.1/", "https://127.0.0.1./",
        "https://1.1.1.1.example.com/", "https://1.0x7f/", "https://%31%32%37.1/", "https://localhost../",
        "https://a..localhost/", "https://.localhost/", "https://./"}) {
    EXPECT_FALSE(check_webhook_url(url, false)) << url;
    EXPECT_FALSE(check_webhook_url(url, true)) << url;
  }
  EXPECT_FALSE(check_webhook_url("https://example.com/" + std::string(2048, 'a'), true));
  for (const char* url : {"https://127.0.0.1/", "https://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/",
                          "https://a.localhost/", "https://LOCALHOST./", "https://0.0.0.0/"})
    EXPECT_THAT(check_webhook_url(url, false).error().detail, HasSubstr("must not point to")) << url;
  const auto target = parse_webhook_url("https://example.com?x=1", false);
  EXPECT_EQ(target->target, "/?x=1");
  EXPECT_EQ(target->authority, "example.com");
  EXPECT_EQ(target->port, 443);
  const auto v6 = parse_webhook_url("https://[2606:4700:4700::1111]:444/", false);
  EXPECT_EQ(v6->host, "2606:4700:4700::1111");
  EXPECT_EQ(v6->authority, "[2606:4700:4700::1111]:444");
  // The Host header names what is connected to, in the same words.
  EXPECT_EQ(parse_webhook_url("https://ex%61mple.com/", false)->authority, "example.com");
}

TEST(WebhookSecrets, StayTheSameAndAreNobodyElses) {
  const net::test::TemporaryDirectory directory;
  const auto file = directory.path / "webhook.key";
  const auto first = WebhookSecrets::load(file);
  ASSERT_TRUE(first) << first.error().detail;
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);
  EXPECT_EQ(WebhookSecrets::load(file)->shown("k"), first->shown("k"));
  EXPECT_NE(WebhookSecrets::load(directory.path / "other.key")->shown("k"), first->shown("k"));
  ASSERT_TRUE(write_file_atomically(file, "nonsense\n", 0600));
  EXPECT_THAT(WebhookSecrets::load(file).error().detail, HasSubstr("webhook.key is damaged"));
}

}  // namespace
}  // namespace gogrid::coordinator
