#include "tray/ui/setting_field.hpp"

#include <QCheckBox>
#include <QComboBox>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QVBoxLayout>

#include "tray/ui/note.hpp"
#include "tray/ui/schedule_editor.hpp"

namespace gogrid::tray {
namespace {

constexpr int max_spin = 1'000'000;
constexpr const char* schedule_key = "worker.schedule";

}  // namespace

SettingField::SettingField(SettingState setting, QWidget* parent)
    : SettingEditor(std::move(setting), parent), editor_(make_editor()), note_(make_note({})) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(4);
  const QString label = SettingWords::label(setting_.key);
  if (setting_.kind != "boolean") {
    auto* name = new QLabel(label);
    name->setTextFormat(Qt::PlainText);
    name->setBuddy(editor_);
    layout->addWidget(name);
  }
  if (above_) layout->addWidget(above_);
  layout->addWidget(editor_);
  layout->addWidget(note_);
  layout->addWidget(fault_);
  editor_->setObjectName(setting_.key);
  editor_->setAccessibleName(label);
  set_state(setting_);
}

bool SettingField::is_changed() const {
  if (setting_.is_locked() || !is_edited_) return false;
  const QJsonValue wanted = value();
  return (wanted.isNull() ? setting_.default_value : wanted) != setting_.value;
}

void SettingField::show_value() {
  if (!is_edited_) write_(setting_.value);
  for (QWidget* widget : {editor_, above_}) {
    if (widget) widget->setEnabled(!setting_.is_locked());
  }
}

void SettingField::describe() {
  QStringList notes;
  if (const QString help = SettingWords::help(setting_); !help.isEmpty()) notes << help;
  if (setting_.applies_at_restart) notes << tr("Takes effect when the worker starts again.");
  if (const QString lock = SettingWords::lock(setting_); !lock.isEmpty()) notes << lock;
  note_->setText(notes.join(' '));
  note_->setVisible(!notes.isEmpty());
  if (!fault_->text().isEmpty()) notes.prepend(fault_->text());
  editor_->setAccessibleDescription(notes.join(' '));
}

void SettingField::on_edited() {
  is_edited_ = true;
  emit edited();
}

QWidget* SettingField::make_editor() {
  if (setting_.key == schedule_key) return make_schedule_line();
  if (setting_.kind == "boolean") return make_check_box();
  if (setting_.kind == "choice") return make_choice();
  const bool is_bounded =
      setting_.minimum && setting_.maximum && *setting_.minimum >= -max_spin && *setting_.maximum <= max_spin;
  if (setting_.kind == "integer" && is_bounded && setting_.value.isDouble()) return make_spin_box();
  return make_line_edit();
}

QWidget* SettingField::make_check_box() {
  auto* box = new QCheckBox(SettingWords::label(setting_.key));
  read_ = [box] { return QJsonValue(box->isChecked()); };
  write_ = [box](const QJsonValue& value) {
    const QSignalBlocker quiet(box);
    box->setChecked(value.toBool());
  };
  connect(box, &QCheckBox::toggled, this, &SettingField::on_edited);
  return box;
}

QWidget* SettingField::make_choice() {
  auto* box = new QComboBox;
  guard_wheel(box);
  for (const QString& word : setting_.choices)
    box->addItem(SettingWords::choice(word), word);
  read_ = [box] { return QJsonValue(box->currentData().toString()); };
  write_ = [box](const QJsonValue& value) {
    const QSignalBlocker quiet(box);
    box->setCurrentIndex(box->findData(value.toString()));
  };
  connect(box, &QComboBox::currentIndexChanged, this, &SettingField::on_edited);
  return box;
}

QWidget* SettingField::make_spin_box() {
  auto* box = new QSpinBox;
  guard_wheel(box);
  box->setRange(static_cast<int>(*setting_.minimum), static_cast<int>(*setting_.maximum));
  read_ = [box] { return QJsonValue(box->value()); };
  write_ = [box](const QJsonValue& value) {
    const QSignalBlocker quiet(box);
    box->setValue(value.toInt());
  };
  connect(box, &QSpinBox::valueChanged, this, &SettingField::on_edited);
  return box;
}

QLineEdit* SettingField::make_line_edit() {
  auto* line = new QLineEdit;
  const QString usual = value_text(setting_, setting_.default_value);
  line->setPlaceholderText(usual.isEmpty() ? tr("not set") : usual);
  read_ = [this, line] { return text_value(setting_, line->text()); };
  write_ = [this, line](const QJsonValue& value) {
    const QString text = value_text(setting_, value);
    // The default is what an empty field shows.
    const QString shown = setting_.origin == "default" ? QString() : text;
    if (line->text() != shown) line->setText(shown);
  };
  connect(line, &QLineEdit::textEdited, this, &SettingField::on_edited);
  return line;
}

QLineEdit* SettingField::make_schedule_line() {
  QLineEdit* line = make_line_edit();
  line->setPlaceholderText(tr("always"));
  auto* week = new ScheduleEditor(*line);
  connect(week, &ScheduleEditor::painted, this, &SettingField::on_edited);
  above_ = week;
  return line;
}

}  // namespace gogrid::tray
