#include "tray/ui/setup_wizard.hpp"

#include <QApplication>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QVBoxLayout>

#include "tray/connection/autostart.hpp"

namespace gogrid::tray {
namespace {

constexpr int usual_port = 8443;
constexpr int max_port = 65'535;

QLabel* wrapped(const QString& text) {
  auto* label = new QLabel(text);
  label->setWordWrap(true);
  label->setTextFormat(Qt::PlainText);
  return label;
}

QLabel* title(const QString& text) {
  QLabel* label = wrapped(text);
  QFont font = label->font();
  font.setBold(true);
  font.setPointSizeF(font.pointSizeF() * 1.3);
  label->setFont(font);
  return label;
}

QString login_file() {
  return autostart_file([](const char* name) { return qEnvironmentVariable(name); });
}

}  // namespace

SetupWizard::SetupWizard(const Place& place, QWidget* parent)
    : QDialog(parent),
      joining_(place),
      pages_(new QStackedWidget),
      token_(new QLineEdit),
      host_(new QLineEdit),
      port_(new QSpinBox),
      trouble_(wrapped({})),
      join_(new QPushButton(tr("&Join"))),
      login_(new QCheckBox(tr("Start GoGrid when I &log in"))),
      end_trouble_(wrapped({})) {
  setWindowTitle(tr("Set up GoGrid"));
  setAttribute(Qt::WA_DeleteOnClose);
  pages_->addWidget(make_join_page());
  pages_->addWidget(make_end_page());
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(20, 20, 20, 16);
  layout->addWidget(pages_);
  resize(480, 340);
  connect(&joining_, &Joining::joined, this, &SetupWizard::on_joined);
  connect(&joining_, &Joining::failed, this, [this](const QString& why) {
    is_joining_ = false;
    trouble_->setText(why);
    token_->setAccessibleDescription(why);
    refresh();
    token_->setFocus();
  });
  refresh();
}

QWidget* SetupWizard::make_join_page() {
  auto* page = new QWidget;
  auto* layout = new QVBoxLayout(page);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(12);
  layout->addWidget(title(tr("Lend this computer to a GoGrid")));
  layout->addWidget(wrapped(tr(
      "Whoever runs the coordinator gives you a join token, with the command “gogrid token create”. Paste it here, or "
      "all of what the command printed.")));
  token_->setAccessibleName(tr("Join token"));
  token_->setPlaceholderText("ggj_…");
  // More than the token, because all of what was printed may be pasted.
  token_->setMaxLength(20'000);
  host_->setAccessibleName(tr("Coordinator"));
  host_->setPlaceholderText("grid.example.com");
  port_->setAccessibleName(tr("Port"));
  port_->setRange(1, max_port);
  port_->setValue(usual_port);
  port_->setGroupSeparatorShown(false);
  auto* form = new QFormLayout;
  form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
  form->addRow(tr("Join &token"), token_);
  form->addRow(tr("&Coordinator"), host_);
  form->addRow(tr("&Port"), port_);
  layout->addLayout(form);
  layout->addWidget(trouble_);
  layout->addStretch();
  auto* cancel = new QPushButton(tr("C&ancel"));
  cancel->setAutoDefault(false);
  auto* buttons = new QHBoxLayout;
  buttons->addStretch();
  buttons->addWidget(join_);
  buttons->addWidget(cancel);
  layout->addLayout(buttons);
  join_->setDefault(true);
  connect(token_, &QLineEdit::textChanged, this, &SetupWizard::take_pasted);
  connect(host_, &QLineEdit::textChanged, this, &SetupWizard::refresh);
  connect(join_, &QPushButton::clicked, this, &SetupWizard::join);
  connect(cancel, &QPushButton::clicked, this, &QDialog::close);
  return page;
}

QWidget* SetupWizard::make_end_page() {
  auto* page = new QWidget;
  auto* layout = new QVBoxLayout(page);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(12);
  layout->addWidget(title(tr("This computer has joined")));
  layout->addWidget(
      wrapped(tr("GoGrid now works while you do not need the computer, and steps aside when you do. How, you choose in "
                 "the settings.")));
  login_->setChecked(true);
  login_->setEnabled(!login_file().isEmpty());
  layout->addWidget(login_);
  layout->addWidget(end_trouble_);
  layout->addStretch();
  done_ = new QPushButton(tr("&Done"));
  auto* buttons = new QHBoxLayout;
  buttons->addStretch();
  buttons->addWidget(done_);
  layout->addLayout(buttons);
  connect(done_, &QPushButton::clicked, this, &SetupWizard::finish);
  return page;
}

void SetupWizard::take_pasted(const QString& text) {
  const PastedToken pasted = read_pasted(text);
  if (!pasted.token.isEmpty() && text != pasted.token) token_->setText(pasted.token);
  const qsizetype colon = pasted.coordinator.lastIndexOf(':');
  if (colon > 0) {
    host_->setText(pasted.coordinator.left(colon));
    port_->setValue(pasted.coordinator.mid(colon + 1).toInt());
  } else if (!pasted.coordinator.isEmpty()) {
    host_->setText(pasted.coordinator);
  }
  refresh();
}

void SetupWizard::refresh() {
  join_->setEnabled(!is_joining_ && !token_->text().trimmed().isEmpty() && !host_->text().trimmed().isEmpty());
  for (QWidget* field : {static_cast<QWidget*>(token_), static_cast<QWidget*>(host_), static_cast<QWidget*>(port_)})
    field->setEnabled(!is_joining_);
  trouble_->setVisible(!trouble_->text().isEmpty());
}

void SetupWizard::join() {
  is_joining_ = true;
  trouble_->setText(tr("Joining…"));
  refresh();
  joining_.start(join_address(host_->text().trimmed(), port_->value()), token_->text().trimmed());
}

void SetupWizard::on_joined() {
  token_->clear();
  pages_->setCurrentIndex(1);
  done_->setDefault(true);
  done_->setFocus();
  emit joined();
}

void SetupWizard::finish() {
  if (login_->isChecked()) {
    const QString trouble = set_autostart(login_file(), true, QApplication::applicationFilePath());
    if (!trouble.isEmpty()) {
      end_trouble_->setText(trouble);
      login_->setChecked(false);
      return;
    }
  }
  accept();
}

}  // namespace gogrid::tray
