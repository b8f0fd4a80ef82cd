// Proves that the wizard says to everybody why joining failed, and that it ends by keyboard alone.
#include "tray/ui/setup_wizard.hpp"

#include <QAccessible>
#include <QFile>
#include <QTest>

#include "tray/tray_test_support.hpp"

namespace gogrid::tray {
namespace {

class SetupWizardTest : public TrayTest {
 protected:
  // What `gogrid-worker join` does here.
  void worker_does(const QByteArray& lines) {
    QFile file(path("worker"));
    ASSERT_TRUE(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
    file.write("#!/bin/sh\n" + lines);
    file.setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
  }
  QPushButton* button(const QString& text) {
    for (QPushButton* one : wizard_.findChildren<QPushButton*>()) {
      if (one->text() == text) return one;
    }
    return nullptr;
  }

  SetupWizard wizard_{Place{path("state"), true, path("worker")}};
};

TEST_F(SetupWizardTest, EnterJoinsAndEnterEnds) {
  wizard_.setAttribute(Qt::WA_DeleteOnClose, false);
  qputenv("XDG_CONFIG_HOME", path("config").toUtf8());
  const auto fields = wizard_.findChildren<QLineEdit*>();
  QLineEdit* token = nullptr;
  for (QLineEdit* field : fields) {
    if (field->accessibleName() == "Join token") token = field;
    if (field->accessibleName() == "Coordinator") field->setText("grid");
  }
  ASSERT_TRUE(token);
  wizard_.show();
  wizard_.activateWindow();
  ASSERT_TRUE(wait_for([&] { return wizard_.isActiveWindow(); }));
  token->setText("ggj_secret");

  worker_does("cat >/dev/null; echo 'gogrid-worker: the token is used up' >&2; exit 1\n");
  QTest::keyClick(token, Qt::Key_Return);
  ASSERT_TRUE(wait_for([&] {
    return QAccessible::queryAccessibleInterface(token)->text(QAccessible::Description) == "the token is used up";
  }));
  EXPECT_TRUE(token->hasFocus());

  worker_does("cat >/dev/null\n");
  QTest::keyClick(token, Qt::Key_Return);
  ASSERT_TRUE(wait_for([&] { return button("&Done")->hasFocus(); }));
  EXPECT_EQ(token->text(), "");
  QTest::keyClick(button("&Done"), Qt::Key_Return);
  EXPECT_FALSE(wizard_.isVisible());
  EXPECT_TRUE(QFile::exists(path("config/autostart/gogrid-tray.desktop")));
  qunsetenv("XDG_CONFIG_HOME");
}

}  // namespace
}  // namespace gogrid::tray
