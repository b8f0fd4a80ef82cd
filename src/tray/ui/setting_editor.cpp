#include "tray/ui/setting_editor.hpp"

#include <QEvent>

#include "tray/ui/note.hpp"

namespace gogrid::tray {
namespace {

// The wheel scrolls the page; it changes only what has the focus.
class WheelGuard : public QObject {
 public:
  explicit WheelGuard(QWidget* widget) : QObject(widget) {
    widget->setFocusPolicy(Qt::StrongFocus);
    widget->installEventFilter(this);
  }

  bool eventFilter(QObject* watched, QEvent* event) override {
    if (event->type() != QEvent::Wheel || static_cast<QWidget*>(watched)->hasFocus()) return false;
    event->ignore();
    return true;
  }
};

}  // namespace

void guard_wheel(QWidget* widget) { new WheelGuard(widget); }

SettingEditor::SettingEditor(SettingState setting, QWidget* parent)
    : QWidget(parent), setting_(std::move(setting)), fault_(make_fault_note()) {}

void SettingEditor::show_error(const QString& error) {
  show_fault(*fault_, error);
  describe();
}

void SettingEditor::show_refusal(const RpcError& refusal) {
  const bool is_value = refusal.name == "invalid_argument";
  show_error(is_value ? SettingWords::fault(setting_, refusal.message) : refusal.message);
}

void SettingEditor::refresh(const SettingState& setting) {
  const bool was_changed = is_changed();
  setting_ = setting;
  if (!was_changed || !is_changed()) return set_state(setting);
  show_value();
  describe();
}

void SettingEditor::set_state(const SettingState& setting) {
  setting_ = setting;
  forget_edits();
  show_value();
  clear_error();
}

}  // namespace gogrid::tray
