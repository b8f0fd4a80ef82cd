#include "tray/ui/settings_window.hpp"

#include <QApplication>
#include <QEvent>
#include <QHBoxLayout>
#include <QScrollArea>
#include <QShortcut>

#include "tray/connection/autostart.hpp"
#include "tray/ui/note.hpp"
#include "tray/ui/setting_field.hpp"

namespace gogrid::tray {
namespace {

constexpr int pause_ms = 250;
constexpr const char* vram_key = "worker.max_vram_gb_each";

QString login_file() {
  return autostart_file([](const char* name) { return qEnvironmentVariable(name); });
}

}  // namespace

SettingsWindow::SettingsWindow(WorkerModel& worker, QWidget* parent)
    : QWidget(parent),
      worker_(worker),
      names_(new QListWidget),
      pages_(new QStackedWidget),
      file_error_(new QLabel),
      message_(make_note({})),
      save_(new QPushButton(tr("&Save"))),
      close_(new QPushButton(tr("&Close"))) {
  setWindowTitle(tr("Settings"));
  setAttribute(Qt::WA_DeleteOnClose);
  names_->setAccessibleName(tr("Pages"));
  names_->setSpacing(2);
  names_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  connect(names_, &QListWidget::currentRowChanged, pages_, &QStackedWidget::setCurrentIndex);
  file_error_->setWordWrap(true);
  file_error_->setTextFormat(Qt::PlainText);
  file_error_->setFrameShape(QFrame::StyledPanel);
  file_error_->setMargin(8);
  file_error_->hide();
  save_->setEnabled(false);
  save_->setDefault(true);
  connect(save_, &QPushButton::clicked, this, &SettingsWindow::save);
  connect(close_, &QPushButton::clicked, this, &QWidget::close);
  connect(new QShortcut(QKeySequence::Cancel, this), &QShortcut::activated, this, &QWidget::close);

  auto* middle = new QHBoxLayout;
  middle->addWidget(names_);
  middle->addWidget(pages_, 1);
  auto* buttons = new QHBoxLayout;
  buttons->addWidget(message_, 1);
  buttons->addWidget(save_);
  buttons->addWidget(close_);
  auto* layout = new QVBoxLayout(this);
  layout->addWidget(file_error_);
  layout->addLayout(middle, 1);
  layout->addLayout(buttons);
  resize(700, 560);

  pause_.setSingleShot(true);
  pause_.setInterval(pause_ms);
  connect(&pause_, &QTimer::timeout, this, &SettingsWindow::check);
  connect(&worker_, &WorkerModel::appeared, this, &SettingsWindow::load);
  connect(&worker_, &WorkerModel::changed, this, &SettingsWindow::add_devices);
  connect(&worker_, &WorkerModel::disappeared, this, [this] {
    save_->setEnabled(false);
    say(tr("The worker is not running."), true);
  });
  load();
}

// The settings may have been changed elsewhere while another window was in front.
void SettingsWindow::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::ActivationChange && isActiveWindow() && is_built_ && worker_.status()) load();
}

void SettingsWindow::load() {
  if (!is_built_) say(tr("Reading the settings…"), false);
  worker_.connection().call("settings.get", {}, this, [this](const RpcAnswer& answer) {
    if (answer.error) return say(answer.error->message, true);
    say({}, false);
    const SettingsState state = read_settings(answer.result);
    if (!is_built_) build(state);
    refresh(state);
  });
}

QVBoxLayout& SettingsWindow::page(Page page) {
  QVBoxLayout*& layout = layouts_[page];
  if (layout) return *layout;
  auto* inner = new QWidget;
  layout = new QVBoxLayout(inner);
  layout->setContentsMargins(12, 8, 12, 8);
  layout->setSpacing(16);
  auto* area = new QScrollArea;
  area->setWidget(inner);
  area->setWidgetResizable(true);
  area->setFrameShape(QFrame::NoFrame);
  area->setFocusPolicy(Qt::NoFocus);
  pages_->addWidget(area);
  names_->addItem(SettingWords::page_name(page));
  return *layout;
}

void SettingsWindow::build(const SettingsState& state) {
  is_built_ = true;
  for (const Page at :
       {Page::gpu, Page::activity, Page::schedule, Page::network, Page::limits, Page::general, Page::advanced}) {
    for (const SettingState& setting : state.settings) {
      if (SettingWords::page(setting.key) != at) continue;
      SettingEditor* editor = make_editor(setting);
      connect(editor, &SettingEditor::edited, this, &SettingsWindow::on_edited);
      page(at).addWidget(editor);
      editors_.push_back(editor);
    }
    if (at == Page::general) add_login_box();
    if (layouts_.count(at)) layouts_[at]->addStretch();
  }
  names_->setFixedWidth(names_->sizeHintForColumn(0) + 32);
  names_->setCurrentRow(0);
  names_->setFocus();
}

SettingEditor* SettingsWindow::make_editor(const SettingState& setting) {
  if (setting.key != vram_key) return new SettingField(setting);
  vram_ = new VramField(setting);
  add_devices();
  return vram_;
}

void SettingsWindow::add_devices() {
  if (vram_ && worker_.status()) vram_->add_devices(worker_.status()->devices);
}

void SettingsWindow::add_login_box() {
  login_ = new QCheckBox(tr("Start GoGrid when I log in"));
  login_->setChecked(autostarts(login_file()));
  login_->setEnabled(!login_file().isEmpty());
  connect(login_, &QCheckBox::toggled, this, [this](bool wanted) {
    const QString trouble = set_autostart(login_file(), wanted, QApplication::applicationFilePath());
    say(trouble, true);
  });
  page(Page::general).addWidget(login_);
}

void SettingsWindow::refresh(const SettingsState& state) {
  show_file_error(state);
  for (SettingEditor* editor : editors_) {
    if (const SettingState* setting = state.find(editor->key())) editor->refresh(*setting);
  }
  on_edited();
}

void SettingsWindow::show_file_error(const SettingsState& state) {
  file_error_->setVisible(!state.error.isEmpty());
  file_error_->setText(
      tr("The settings file %1 is wrong, so the worker uses what it last knew: %2").arg(state.file, state.error));
}

QJsonObject SettingsWindow::changes() const {
  QJsonObject values;
  for (const SettingEditor* editor : editors_) {
    if (editor->is_changed()) values[editor->key()] = editor->value();
  }
  return values;
}

void SettingsWindow::on_edited() {
  save_->setEnabled(false);
  ++question_;
  pause_.start();
}

void SettingsWindow::check() {
  const QJsonObject values = changes();
  show_errors(nullptr);
  if (values.isEmpty()) return;
  const int asked = ++question_;
  worker_.connection().call("settings.check", {{"values", values}}, this, [this, asked](const RpcAnswer& answer) {
    if (asked != question_) return;
    show_errors(answer.error ? &*answer.error : nullptr);
    save_->setEnabled(!answer.error);
  });
}

void SettingsWindow::save() {
  save_->setEnabled(false);
  const int asked = ++question_;
  worker_.connection().call("settings.set", {{"values", changes()}}, this, [this, asked](const RpcAnswer& answer) {
    if (answer.error) {
      if (asked == question_) show_errors(&*answer.error);
      return;
    }
    const SettingsState state = read_settings(answer.result);
    // The owner has typed on.
    if (asked != question_) return refresh(state);
    show_errors(nullptr);
    show_file_error(state);
    for (SettingEditor* editor : editors_) {
      if (const SettingState* setting = state.find(editor->key())) editor->set_state(*setting);
    }
    say(tr("Saved."), false);
  });
}

void SettingsWindow::show_errors(const RpcError* error) {
  bool is_shown = false;
  for (SettingEditor* editor : editors_) {
    const bool is_at_fault = error && error->key == editor->key();
    is_at_fault ? editor->show_refusal(*error) : editor->clear_error();
    is_shown = is_shown || is_at_fault;
  }
  say(error && !is_shown ? error->message : QString(), true);
}

void SettingsWindow::say(const QString& text, bool is_wrong) {
  message_->setText(text);
  QFont font = message_->font();
  font.setBold(is_wrong);
  message_->setFont(font);
}

}  // namespace gogrid::tray
