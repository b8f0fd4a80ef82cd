#include "tray/connection/daemon_connection.hpp"

#include <QFile>

#include "tray/connection/test_daemon_test_support.hpp"
#include "tray/tray_test_support.hpp"

namespace gogrid::tray {
namespace {

class DaemonConnectionTest : public TrayTest {
 protected:
  DaemonConnectionTest() : connection_(path("state/run/control.sock")) {
    QObject::connect(&connection_, &DaemonConnection::opened, &connection_, [this] { ++opened_; });
    QObject::connect(&connection_, &DaemonConnection::closed, &connection_, [this](const QString& why) {
      ++closed_;
      why_ = why;
    });
  }

  DaemonConnection connection_;
  int opened_ = 0;
  int closed_ = 0;
  QString why_;
};

TEST_F(DaemonConnectionTest, ACallIsAnsweredByWhatTheDaemonSays) {
  TestDaemon daemon(connection_.socket_path());
  ASSERT_TRUE(daemon.is_listening);
  daemon.results["status.get"] = {{"name", "den-pc"}};
  daemon.errors["pause"] = {
      {"code", -32602}, {"message", "no"}, {"data", QJsonObject{{"code", "invalid_argument"}, {"key", "for_seconds"}}}};
  connection_.open();
  ASSERT_TRUE(wait_for([this] { return opened_ == 1; }));
  std::vector<RpcAnswer> answers;
  const auto keep = [&answers](const RpcAnswer& answer) { answers.push_back(answer); };
  connection_.call("status.get", {}, &connection_, keep);
  connection_.call("pause", {{"for_seconds", -1}}, &connection_, keep);
  ASSERT_TRUE(wait_for([&] { return answers.size() == 2; }));
  EXPECT_EQ(answers[0].result["name"].toString(), "den-pc");
  ASSERT_TRUE(answers[1].error);
  EXPECT_EQ(answers[1].error->name, "invalid_argument");
  EXPECT_EQ(answers[1].error->key, "for_seconds");
  EXPECT_EQ(daemon.calls[1]["params"].toObject()["for_seconds"].toInt(), -1);
}

TEST_F(DaemonConnectionTest, WithoutADaemonACallFailsAndTheSocketIsWaitedForFromTheFirstDirectoryThatExists) {
  connection_.open();
  ASSERT_TRUE(wait_for([this] { return closed_ == 1; }));
  bool failed = false;
  connection_.call("status.get", {}, &connection_,
                   [&failed](const RpcAnswer& answer) { failed = answer.error.has_value(); });
  ASSERT_TRUE(wait_for([&] { return failed; }));
  const TestDaemon daemon(connection_.socket_path());
  ASSERT_TRUE(daemon.is_listening);
  EXPECT_TRUE(wait_for([this] { return opened_ == 1; }));
}

TEST_F(DaemonConnectionTest, ADaemonThatRestartsIsFoundAgainAndOpenCallsFail) {
  auto daemon = std::make_unique<TestDaemon>(connection_.socket_path());
  connection_.open();
  ASSERT_TRUE(wait_for([this] { return opened_ == 1; }));
  bool failed = false;
  connection_.call("never.answered", {}, &connection_,
                   [&failed](const RpcAnswer& answer) { failed = answer.error.has_value(); });
  ASSERT_TRUE(wait_for([&] { return !daemon->calls.empty(); }));
  daemon.reset();
  ASSERT_TRUE(wait_for([this] { return closed_ >= 1; }));
  EXPECT_TRUE(failed);
  daemon = std::make_unique<TestDaemon>(connection_.socket_path());
  EXPECT_TRUE(wait_for([this] { return opened_ == 2; }));
}

TEST_F(DaemonConnectionTest, TheSocketOfADaemonThatWasKilledIsGivenUpAfterAFewTries) {
  {
    // Bound and closed, as a process leaves it that was killed.
    TestDaemon daemon(connection_.socket_path() + ".other");
    ASSERT_TRUE(QFile::rename(connection_.socket_path() + ".other", connection_.socket_path()));
  }
  ASSERT_TRUE(QFileInfo::exists(connection_.socket_path()));
  connection_.open();
  EXPECT_TRUE(wait_for([this] { return closed_ == 1; }));
  EXPECT_EQ(opened_, 0);
  const TestDaemon daemon(connection_.socket_path());
  EXPECT_TRUE(wait_for([this] { return opened_ == 1; }));
}

TEST_F(DaemonConnectionTest, GarbageAndLinesWithoutEndCloseTheConnection) {
  for (const QByteArray& bad : {QByteArray("hello\n"), QByteArray("[1]\n"), QByteArray("{\"jsonrpc\":\"2.0\"}\n"),
                                QByteArray(1024 * 1024 + 2, 'x')}) {
    TestDaemon daemon(connection_.socket_path());
    const int before = closed_;
    connection_.open();
    ASSERT_TRUE(wait_for([this] { return connection_.is_open(); }));
    bool asked = false;
    connection_.call("status.get", {}, &connection_, [&asked](const RpcAnswer&) { asked = true; });
    ASSERT_TRUE(wait_for([&] { return !daemon.calls.empty(); }));
    daemon.send(bad);
    ASSERT_TRUE(wait_for([&] { return closed_ > before; })) << bad.left(40).constData();
    EXPECT_TRUE(asked);
    EXPECT_TRUE(why_.contains("another version")) << why_.toStdString();
    connection_.close();
  }
}

TEST_F(DaemonConnectionTest, NotificationsComeInPieces) {
  TestDaemon daemon(connection_.socket_path());
  QStringList seen;
  QObject::connect(&connection_, &DaemonConnection::notified, &connection_,
                   [&seen](const QString& method, const QJsonObject& params) {
                     seen << method + params["n"].toVariant().toString();
                   });
  connection_.open();
  bool asked = false;
  daemon.results["x"] = {};
  connection_.call("x", {}, &connection_, [&asked](const RpcAnswer&) { asked = true; });
  ASSERT_TRUE(wait_for([&] { return asked && connection_.is_open(); }));
  const QByteArray two = TestDaemon::line({{"jsonrpc", "2.0"}, {"method", "a"}, {"params", QJsonObject{{"n", 1}}}}) +
                         TestDaemon::line({{"jsonrpc", "2.0"}, {"method", "a"}, {"params", QJsonObject{{"n", 2}}}});
  daemon.send(two.left(70));
  ASSERT_TRUE(wait_for([&] { return seen.size() == 1; }));
  daemon.send(two.mid(70));
  ASSERT_TRUE(wait_for([&] { return seen.size() == 2; }));
  EXPECT_EQ(seen, (QStringList{"a1", "a2"}));
}

}  // namespace
}  // namespace gogrid::tray
