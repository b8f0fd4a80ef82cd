#include "tray/ui/setting_field.hpp"

#include <QCheckBox>
#include <QComboBox>
#include <QLineEdit>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QVBoxLayout>

namespace gogrid::tray {
namespace {

constexpr double note_scale = 0.9;
constexpr int max_spin = 1'000'000;

}  // namespace

QLabel* make_note(const QString& text) {
  auto* note = new QLabel(text);
  note->setWordWrap(true);
  note->setTextFormat(Qt::PlainText);
  QFont font = note->font();
  font.setPointSizeF(font.pointSizeF() * note_scale);
  note->setFont(font);
  return note;
}

SettingField::SettingField(SettingState setting, QWidget* parent)
    : QWidget(parent), setting_(std::move(setting)), error_(make_note({})) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(4);
  const QString label = SettingWords::label(setting_.key);
  QWidget* editor = make_editor();
  if (setting_.kind != "boolean") {
    auto* name = new QLabel(label);
    name->setTextFormat(Qt::PlainText);
    name->setBuddy(editor);
    layout->addWidget(name);
  }
  layout->addWidget(editor);
  QStringList notes;
  if (const QString help = SettingWords::help(setting_); !help.isEmpty()) notes << help;
  if (setting_.applies_at_restart) notes << tr("Takes effect when the worker starts again.");
  if (const QString lock = SettingWords::lock(setting_); !lock.isEmpty()) notes << lock;
  note_ = make_note(notes.join(' '));
  note_->setVisible(!notes.isEmpty());
  layout->addWidget(note_);
  QPalette red = error_->palette();
  const bool is_dark = red.color(QPalette::Window).lightness() < 128;
  red.setColor(QPalette::WindowText, is_dark ? QColor(0xff, 0x8a, 0x80) : QColor(0xb0, 0x1b, 0x1b));
  error_->setPalette(red);
  error_->hide();
  layout->addWidget(error_);
  editor->setObjectName(setting_.key);
  editor->setAccessibleName(label);
  editor->setAccessibleDescription(notes.join(' '));
  editor->setEnabled(!setting_.is_locked());
  write_(setting_.value);
}

bool SettingField::is_changed() const {
  if (setting_.is_locked()) return false;
  const QJsonValue wanted = value();
  return (wanted.isNull() ? setting_.default_value : wanted) != setting_.value;
}

void SettingField::show_error(const QString& error) {
  error_->setText(error);
  error_->setVisible(!error.isEmpty());
}

void SettingField::set_state(const SettingState& setting) {
  setting_ = setting;
  write_(setting_.value);
  show_error({});
}

QWidget* SettingField::make_editor() {
  if (setting_.kind == "boolean") return make_check_box();
  if (setting_.kind == "choice") return make_choice();
  const bool is_bounded = setting_.minimum && setting_.maximum && *setting_.maximum <= max_spin;
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
  connect(box, &QCheckBox::toggled, this, &SettingField::edited);
  return box;
}

QWidget* SettingField::make_choice() {
  auto* box = new QComboBox;
  for (const QString& word : setting_.choices)
    box->addItem(SettingWords::choice(word), word);
  read_ = [box] { return QJsonValue(box->currentData().toString()); };
  write_ = [box](const QJsonValue& value) {
    const QSignalBlocker quiet(box);
    box->setCurrentIndex(box->findData(value.toString()));
  };
  connect(box, &QComboBox::currentIndexChanged, this, &SettingField::edited);
  return box;
}

QWidget* SettingField::make_spin_box() {
  auto* box = new QSpinBox;
  box->setRange(static_cast<int>(*setting_.minimum), static_cast<int>(*setting_.maximum));
  read_ = [box] { return QJsonValue(box->value()); };
  write_ = [box](const QJsonValue& value) {
    const QSignalBlocker quiet(box);
    box->setValue(value.toInt());
  };
  connect(box, &QSpinBox::valueChanged, this, &SettingField::edited);
  return box;
}

QWidget* SettingField::make_line_edit() {
  auto* line = new QLineEdit;
  const QString usual = value_text(setting_, setting_.default_value);
  line->setPlaceholderText(usual.isEmpty() ? tr("not set") : usual);
  read_ = [this, line] { return text_value(setting_, line->text()); };
  write_ = [this, line](const QJsonValue& value) {
    const QString text = value_text(setting_, value);
    // The default is what an empty field shows.
    const QString shown = setting_.origin == "default" ? QString() : text;
    if (line->text() != shown) {
      const QSignalBlocker quiet(line);
      line->setText(shown);
    }
  };
  connect(line, &QLineEdit::textEdited, this, &SettingField::edited);
  return line;
}

}  // namespace gogrid::tray
