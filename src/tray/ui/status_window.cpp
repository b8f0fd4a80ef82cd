#include "tray/ui/status_window.hpp"

#include <QCloseEvent>
#include <QHBoxLayout>
#include <QScreen>
#include <QVBoxLayout>
#include <algorithm>

#include "tray/ui/icon.hpp"

namespace gogrid::tray {
namespace {

constexpr int picture_points = 48;

QLabel* wrapped_label() {
  auto* label = new QLabel;
  label->setWordWrap(true);
  label->setTextFormat(Qt::PlainText);
  return label;
}

}  // namespace

StatusWindow::StatusWindow(WorkerModel& worker, TrayMenu& menu, QWidget* parent)
    : QWidget(parent),
      worker_(worker),
      picture_(new QLabel),
      headline_(wrapped_label()),
      details_(wrapped_label()),
      notice_(wrapped_label()),
      trouble_(wrapped_label()) {
  setWindowTitle(tr("GoGrid"));
  QFont bold = headline_->font();
  bold.setBold(true);
  headline_->setFont(bold);
  auto* words = new QVBoxLayout;
  words->addWidget(headline_);
  words->addWidget(details_);
  words->addWidget(trouble_);
  words->addStretch();
  auto* top = new QHBoxLayout;
  top->setSpacing(16);
  top->addWidget(picture_, 0, Qt::AlignTop);
  top->addLayout(words, 1);

  pause_ = new QPushButton(tr("&Pause"));
  pause_->setMenu(&menu.pause_menu());
  resume_ = new QPushButton(tr("&Resume"));
  connect(resume_, &QPushButton::clicked, &menu.resume_action(), &QAction::trigger);
  start_ = new QPushButton(tr("Start the &worker"));
  connect(start_, &QPushButton::clicked, &menu.start_action(), &QAction::trigger);
  more_ = new QPushButton(tr("&Menu"));
  more_->setMenu(&menu.menu());
  auto* buttons = new QHBoxLayout;
  buttons->addStretch();
  for (QPushButton* button : {pause_, resume_, start_, more_})
    buttons->addWidget(button);

  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(16, 16, 16, 16);
  layout->setSpacing(12);
  layout->addLayout(top, 1);
  layout->addWidget(notice_);
  layout->addLayout(buttons);
  notice_->hide();
  trouble_->hide();
  resize(420, 180);
  connect(&worker_, &WorkerModel::changed, this, &StatusWindow::refresh);
  refresh();
}

void StatusWindow::set_alone(bool alone) {
  alone_ = alone;
  notice_->setVisible(alone);
  notice_->setText(tr(
      "This desktop has no place for tray icons, so GoGrid stays here as a window. When you close it, the worker goes "
      "on as it is."));
  make_room();
}

void StatusWindow::say(const QString& text) {
  trouble_->setText(text);
  trouble_->setVisible(!text.isEmpty());
  make_room();
}

// Wrapped lines ask for no room of their own.
void StatusWindow::make_room() {
  layout()->activate();
  const int wanted = layout()->totalHeightForWidth(width());
  if (wanted > height()) resize(width(), std::min(wanted, screen()->availableGeometry().height()));
}

void StatusWindow::refresh() {
  const Headline headline = worker_.headline();
  picture_->setPixmap(mood_picture(headline.mood, picture_points, devicePixelRatioF()));
  setWindowIcon(mood_icon(headline.mood));
  headline_->setText(headline.text);
  QStringList details;
  const auto& status = worker_.status();
  if (status) {
    if (!status->is_connected && !status->last_error.isEmpty()) details << status->last_error;
    if (status->is_connected) details << tr("%1 at %2").arg(status->name, status->coordinator);
    details += StatusWords::notes(*status) + StatusWords::running(*status);
  }
  details_->setText(details.join('\n'));
  details_->setVisible(!details.isEmpty());
  const bool by_owner = worker_.is_paused_by_owner();
  pause_->setVisible(status && !by_owner);
  resume_->setVisible(status && by_owner);
  start_->setVisible(!status);
  make_room();
}

void StatusWindow::closeEvent(QCloseEvent* event) {
  say({});
  event->accept();
  if (alone_) emit left();
}

}  // namespace gogrid::tray
