#include "tray/ui/program.hpp"

#include <QApplication>
#include <QDir>
#include <QMessageBox>
#include <QPushButton>

#include "tray/ui/icon.hpp"
#include "tray/ui/settings_window.hpp"
#include "tray/ui/setup_wizard.hpp"
#include "tray/ui/statistics_window.hpp"

namespace gogrid::tray {
namespace {

constexpr int login_patience_ms = 30'000;
constexpr int patience_ms = 3000;

void bring_up(QWidget* window) {
  window->show();
  window->raise();
  window->activateWindow();
}

}  // namespace

Program::Program(Place place, bool in_background, QObject* parent)
    : QObject(parent),
      place_(std::move(place)),
      in_background_(in_background),
      worker_(place_.socket()),
      starter_(place_),
      menu_(worker_),
      window_(worker_, menu_) {
  patience_.setSingleShot(true);
  connect(&patience_, &QTimer::timeout, this, [this] {
    if (host_.is_there()) return;
    window_.set_alone(true);
    bring_up(&window_);
  });
  connect(&host_, &TrayHost::changed, this, &Program::follow_host);
  connect(&worker_, &WorkerModel::changed, this, &Program::refresh_icon);
  connect(&worker_, &WorkerModel::disappeared, this, &Program::on_no_daemon);
  connect(&worker_, &WorkerModel::appeared, this, [this] { may_start_ = false; });
  connect(&starter_, &WorkerStarter::failed, this, [this](const QString& why) {
    worker_.set_starting(false);
    if (!worker_.status()) worker_.set_trouble(why);
  });
  connect(&starter_, &WorkerStarter::ended, this, [this](const QString& why) {
    const bool was_starting = worker_.is_starting();
    worker_.set_starting(false);
    if (worker_.status()) return;
    // One that has worked and was told to stop is no trouble.
    if (!why.isEmpty() || was_starting) worker_.set_trouble(why.isEmpty() ? tr("The worker ended.") : why);
  });
  connect(&menu_, &TrayMenu::status_asked, this, &Program::show_window);
  connect(&menu_, &TrayMenu::start_asked, this, &Program::start_worker);
  connect(&menu_, &TrayMenu::join_asked, this, &Program::show_wizard);
  connect(&menu_, &TrayMenu::settings_asked, this, &Program::show_settings);
  connect(&menu_, &TrayMenu::statistics_asked, this, &Program::show_statistics);
  connect(&menu_, &TrayMenu::about_asked, this, &Program::show_about);
  connect(&menu_, &TrayMenu::quit_asked, this, &Program::ask_to_quit);
  connect(&menu_, &TrayMenu::refused, this, [this](const QString& why) {
    show_window();
    window_.say(why);
  });
  connect(&window_, &StatusWindow::left, qApp, &QApplication::quit);
  connect(&icon_, &QSystemTrayIcon::activated, this, [this](QSystemTrayIcon::ActivationReason reason) {
    // A panel that asks for the menu instead of showing it has none; the window has it.
    const bool is_left_to_us = reason == QSystemTrayIcon::Context && host_.is_notifier();
    if (reason == QSystemTrayIcon::Trigger || is_left_to_us) show_window();
  });
  icon_.setContextMenu(&menu_.menu());
  icon_.setIcon(mood_icon(shown_mood_));
}

Program::~Program() {
  for (QWidget* window : open_windows())
    delete window;
}

std::vector<QWidget*> Program::open_windows() const {
  std::vector<QWidget*> windows;
  for (const auto& window : {settings_, statistics_, wizard_, about_, question_}) {
    if (window) windows.push_back(window);
  }
  return windows;
}

void Program::start() {
  worker_.start();
  icon_.show();
  if (!host_.is_there()) patience_.start(in_background_ ? login_patience_ms : 0);
  in_background_ = false;
}

void Program::show_window() { bring_up(&window_); }

void Program::follow_host() {
  if (host_.needs_restart()) return restart_when_left_alone();
  if (!host_.is_there()) return patience_.start(patience_ms);
  patience_.stop();
  window_.set_alone(false);
}

// Windows would close under their owner's hands, and what is typed in them would be lost.
void Program::restart_when_left_alone() {
  const auto windows = open_windows();
  if (windows.empty()) return emit restart_wanted();
  connect(windows.front(), &QObject::destroyed, this, &Program::follow_host, Qt::UniqueConnection);
}

void Program::refresh_icon() {
  const Headline headline = worker_.headline();
  if (headline.mood != shown_mood_) icon_.setIcon(mood_icon(headline.mood));
  shown_mood_ = headline.mood;
  QStringList lines{tr("GoGrid: %1").arg(headline.text)};
  if (worker_.status()) lines += StatusWords::notes(*worker_.status());
  const QString tip = lines.join('\n');
  if (icon_.toolTip() != tip) icon_.setToolTip(tip);
}

void Program::on_no_daemon() {
  if (!may_start_) return;
  may_start_ = false;
  if (place_.has_identity()) return start_worker();
  show_wizard();
}

void Program::start_worker() {
  worker_.set_trouble({});
  worker_.set_starting(true);
  starter_.start();
}

void Program::show_settings() {
  if (!settings_) settings_ = new SettingsWindow(worker_);
  bring_up(settings_);
}

void Program::show_statistics() {
  if (!statistics_) statistics_ = new StatisticsWindow(worker_);
  bring_up(statistics_);
}

void Program::show_wizard() {
  if (!wizard_) {
    auto* wizard = new SetupWizard(place_);
    connect(wizard, &SetupWizard::joined, this, &Program::start_worker);
    wizard_ = wizard;
  }
  bring_up(wizard_);
}

void Program::show_about() {
  if (!about_) {
    QString text = tr("A private network that runs AI models on machines that their owners lend it.") + "\n\n" +
                   tr("Version of this program: %1").arg(GOGRID_VERSION);
    if (worker_.status()) text += "\n" + tr("Version of the worker: %1").arg(worker_.status()->version);
    text += "\n" + tr("State: %1").arg(shown_path(place_.state_dir, QDir::homePath()));
    auto* box = new QMessageBox(QMessageBox::NoIcon, tr("About GoGrid"), tr("GoGrid"));
    box->setInformativeText(text);
    box->setTextFormat(Qt::PlainText);
    box->setIconPixmap(mood_picture(Mood::idle, 48, box->devicePixelRatioF()));
    box->setWindowIcon(mood_icon(Mood::idle));
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setModal(false);
    box->addButton(tr("&Close"), QMessageBox::AcceptRole);
    about_ = box;
  }
  bring_up(about_);
}

void Program::ask_to_quit() {
  if (!worker_.status()) return QApplication::quit();
  if (!question_) {
    auto* box = new QMessageBox(QMessageBox::Question, tr("Quit GoGrid"), tr("Should the worker keep running?"));
    box->setInformativeText(
        tr("It works without this icon too. Stopped, it first finishes what it runs, and takes no more."));
    box->setWindowIcon(mood_icon(Mood::idle));
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setModal(false);
    auto* keep = box->addButton(tr("&Keep it running"), QMessageBox::AcceptRole);
    auto* stop = box->addButton(tr("&Stop it too"), QMessageBox::DestructiveRole);
    auto* cancel = box->addButton(tr("&Cancel"), QMessageBox::RejectRole);
    box->setDefaultButton(keep);
    box->setEscapeButton(cancel);
    connect(keep, &QPushButton::clicked, qApp, &QApplication::quit);
    connect(stop, &QPushButton::clicked, this, &Program::quit_with_worker);
    question_ = box;
  }
  bring_up(question_);
}

void Program::quit_with_worker() {
  worker_.stop(this, [this](const QString& trouble) {
    if (trouble.isEmpty()) return QApplication::quit();
    show_window();
    window_.say(trouble);
  });
}

}  // namespace gogrid::tray
