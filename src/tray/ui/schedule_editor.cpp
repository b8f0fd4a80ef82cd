#include "tray/ui/schedule_editor.hpp"

#include <QScopedValueRollback>
#include <QVBoxLayout>

#include "tray/ui/note.hpp"

namespace gogrid::tray {

ScheduleEditor::ScheduleEditor(QLineEdit& line, QWidget* parent)
    : QWidget(parent),
      line_(line),
      grid_(new ScheduleGrid),
      never_(make_note(tr("With this schedule GoGrid never works."))) {
  QLabel* hint = make_note(
      tr("Filled hours allow work. Drag over hours to change them; or go there with the arrow keys and press Space."));
  grid_->setAccessibleName(tr("Hours of the week"));
  grid_->setAccessibleDescription(hint->text());
  QFont bold = never_->font();
  bold.setBold(true);
  never_->setFont(bold);
  never_->hide();
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 4);
  layout->setSpacing(4);
  layout->addWidget(grid_);
  layout->addWidget(never_);
  layout->addWidget(hint);
  connect(&line_, &QLineEdit::textChanged, this, &ScheduleEditor::take_text);
  connect(grid_, &ScheduleGrid::painted, this, &ScheduleEditor::take_painted);
  take_text();
}

void ScheduleEditor::take_text() {
  const auto schedule = domain::Schedule::parse(line_.text().toStdString());
  // Until it can be read again the line alone counts; what is wrong the daemon says.
  grid_->setEnabled(schedule.has_value());
  never_->setVisible(schedule && schedule->never());
  if (!schedule) return;
  grid_->show_schedule(*schedule);
  if (is_painting_) return;
  typed_ = line_.text();
  typed_schedule_ = *schedule;
}

void ScheduleEditor::take_painted() {
  const QScopedValueRollback<bool> painting(is_painting_, true);
  // Painted back to what was typed, it is not written in other words.
  const bool is_as_typed = grid_->schedule() == typed_schedule_;
  line_.setText(is_as_typed ? typed_ : QString::fromStdString(grid_->schedule().text()));
  emit painted();
}

}  // namespace gogrid::tray
