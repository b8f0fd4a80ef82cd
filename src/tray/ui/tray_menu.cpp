#include "tray/ui/tray_menu.hpp"

#include "tray/ui/icon.hpp"

namespace gogrid::tray {
namespace {

constexpr int hour_seconds = 3600;

constexpr int max_characters = 70;

// As wide as a menu may be. What other programs call things may hold the sign for a shortcut's letter.
QString line_of(const QString& text, const QFontMetrics& font) {
  return font.elidedText(text, Qt::ElideRight, max_characters * font.averageCharWidth()).replace('&', "&&");
}

}  // namespace

TrayMenu::TrayMenu(WorkerModel& worker, QObject* parent) : QObject(parent), worker_(worker) {
  // Not greyed out: it is what an owner looks for first.
  status_ = menu_.addAction(QString(), this, &TrayMenu::status_asked);
  below_details_ = menu_.addSeparator();
  pause_ = menu_.addMenu(tr("&Pause"));
  pause_->addAction(tr("For one &hour"), this, [this] { worker_.pause_for(hour_seconds, this, done()); });
  pause_->addAction(tr("Until &tomorrow"), this, [this] { worker_.pause_until_tomorrow(this, done()); });
  pause_->addAction(tr("Until I &resume"), this, [this] { worker_.pause_for(0, this, done()); });
  resume_ = menu_.addAction(tr("&Resume"), this, [this] { worker_.resume(this, done()); });
  start_ = menu_.addAction(tr("Start the &worker"), this, &TrayMenu::start_asked);
  join_ = menu_.addAction(tr("&Join a coordinator…"), this, &TrayMenu::join_asked);
  menu_.addSeparator();
  settings_ = menu_.addAction(tr("&Settings…"), this, &TrayMenu::settings_asked);
  statistics_ = menu_.addAction(tr("S&tatistics…"), this, &TrayMenu::statistics_asked);
  menu_.addAction(tr("&About GoGrid"), this, &TrayMenu::about_asked);
  menu_.addSeparator();
  menu_.addAction(tr("&Quit…"), this, &TrayMenu::quit_asked);
  connect(&worker_, &WorkerModel::changed, this, &TrayMenu::refresh);
  refresh();
}

WorkerModel::Done TrayMenu::done() {
  return [this](const QString& trouble) {
    if (!trouble.isEmpty()) emit refused(trouble);
  };
}

void TrayMenu::refresh() {
  const Headline headline = worker_.headline();
  status_->setText(line_of(headline.text, menu_.fontMetrics()));
  const bool is_there = worker_.status().has_value();
  show_details(is_there ? StatusWords::notes(*worker_.status()) + StatusWords::running(*worker_.status())
                        : QStringList());
  const bool by_owner = worker_.is_paused_by_owner();
  pause_->menuAction()->setVisible(is_there && !by_owner);
  resume_->setVisible(is_there && by_owner);
  start_->setVisible(!is_there);
  join_->setVisible(!is_there);
  settings_->setEnabled(is_there);
  statistics_->setEnabled(is_there);
}

void TrayMenu::show_details(const QStringList& lines) {
  while (details_.size() > static_cast<std::size_t>(lines.size())) {
    delete details_.back();
    details_.pop_back();
  }
  while (details_.size() < static_cast<std::size_t>(lines.size())) {
    auto* action = new QAction(&menu_);
    connect(action, &QAction::triggered, this, &TrayMenu::status_asked);
    menu_.insertAction(below_details_, action);
    details_.push_back(action);
  }
  for (std::size_t i = 0; i < details_.size(); ++i)
    details_[i]->setText(line_of(lines[static_cast<qsizetype>(i)], menu_.fontMetrics()));
}

}  // namespace gogrid::tray
