// Proves that the grid of a schedule and its text say the same, whichever of them is changed, by mouse and by keyboard.
#include "tray/ui/schedule_editor.hpp"

#include <QAccessible>
#include <QHeaderView>
#include <QMouseEvent>
#include <QTest>

#include "tray/tray_test_support.hpp"

namespace gogrid::tray {
namespace {

constexpr int monday = 0;
constexpr int tuesday = 1;
constexpr int saturday = 5;

class ScheduleEditorTest : public TrayTest {
 protected:
  ScheduleEditorTest() {
    QLocale::setDefault(QLocale("en_GB"));
    editor_ = std::make_unique<ScheduleEditor>(line_);
    grid_ = editor_->findChild<ScheduleGrid*>();
    QObject::connect(editor_.get(), &ScheduleEditor::painted, &line_, [this] { ++painted_; });
    editor_->resize(560, 320);
    editor_->show();
    EXPECT_TRUE(QTest::qWaitForWindowExposed(editor_.get()));
  }
  ~ScheduleEditorTest() override { QLocale::setDefault(QLocale::c()); }

  // Rows begin with Monday here.
  QPoint place(int row, int hour) const { return grid_->visualRect(grid_->model()->index(row, hour)).center(); }
  QString words(int row, int hour) const {
    return grid_->model()->data(grid_->model()->index(row, hour), Qt::AccessibleTextRole).toString();
  }
  void drag(int row, int hour, int to_row, int to_hour) {
    QTest::mousePress(grid_->viewport(), Qt::LeftButton, {}, place(row, hour));
    move_to(place(to_row, to_hour));
    QTest::mouseRelease(grid_->viewport(), Qt::LeftButton, {}, place(to_row, to_hour));
  }
  // With the button held.
  void move_to(const QPoint& at) {
    QMouseEvent move(QEvent::MouseMove, at, grid_->viewport()->mapToGlobal(at), Qt::NoButton, Qt::LeftButton, {});
    QCoreApplication::sendEvent(grid_->viewport(), &move);
  }
  bool says_never() const {
    for (const QLabel* label : editor_->findChildren<QLabel*>()) {
      if (label->isVisible() && label->text().contains("never")) return true;
    }
    return false;
  }

  QLineEdit line_;
  std::unique_ptr<ScheduleEditor> editor_;
  ScheduleGrid* grid_ = nullptr;
  int painted_ = 0;
};

TEST_F(ScheduleEditorTest, WhatIsTypedShowsAndStaysAsItWasTyped) {
  const struct {
    const char* text;
    int minutes_of_saturday_eight;
    bool is_read;
    bool is_never;
  } table[] = {
      {"", 60, true, false},
      {"never", 0, true, true},
      {"Sat", 60, true, false},
      {"fri 20:00-8:15", 15, true, false},
      {"mon 1:00-2:00", 0, true, false},
      {"mon 1:00-2:0", 0, false, false},
      {" always ", 60, true, false},
  };
  for (const auto& row : table) {
    line_.setText(row.text);
    EXPECT_EQ(grid_->schedule().allowed_minutes(saturday, 8), row.minutes_of_saturday_eight) << row.text;
    EXPECT_EQ(grid_->isEnabled(), row.is_read) << row.text;
    EXPECT_EQ(says_never(), row.is_never) << row.text;
    EXPECT_EQ(line_.text(), QString(row.text));
  }
  EXPECT_EQ(painted_, 0);
}

TEST_F(ScheduleEditorTest, WhatIsPaintedIsTheTextAndPaintedBackItIsWhatWasTyped) {
  const struct {
    const char* typed;
    std::vector<std::pair<int, int>> clicks;
    const char* text;
  } table[] = {
      {"never", {{monday, 8}}, "mon 08:00-09:00"},
      {"never", {{monday, 23}, {tuesday, 0}}, "mon 23:00-01:00"},
      {"mon 8:00-9:00", {{monday, 8}}, "never"},
      {"mon 8:00-10:00", {{monday, 8}, {monday, 8}}, "mon 8:00-10:00"},
      // The half hour stays until it is painted over itself.
      {"mon 8:30-9:00", {{monday, 10}}, "mon 08:30-09:00; mon 10:00-11:00"},
      {"mon 8:30-9:00", {{monday, 8}}, "mon 08:00-09:00"},
      {"mon-fri,sun; sat 1:00-0:00", {{saturday, 0}}, ""},
  };
  for (const auto& row : table) {
    line_.setText(row.typed);
    painted_ = 0;
    for (const auto& [day, hour] : row.clicks)
      QTest::mouseClick(grid_->viewport(), Qt::LeftButton, {}, place(day, hour));
    EXPECT_EQ(line_.text(), QString(row.text)) << row.typed;
    EXPECT_EQ(painted_, static_cast<int>(row.clicks.size())) << row.typed;
  }
}

TEST_F(ScheduleEditorTest, DraggingPaintsWhatIsBetween) {
  line_.setText("never");
  drag(monday, 18, 4, 21);
  EXPECT_EQ(line_.text(), "mon-fri 18:00-22:00");
  drag(4, 20, monday, 19);
  EXPECT_EQ(line_.text(), "mon-fri 18:00-19:00; mon-fri 21:00-22:00");
  // Beyond the edge it goes as far as there are hours.
  line_.setText("never");
  QTest::mousePress(grid_->viewport(), Qt::LeftButton, {}, place(saturday, 22));
  move_to({5000, 5000});
  QTest::mouseRelease(grid_->viewport(), Qt::LeftButton, {}, place(6, 23));
  EXPECT_EQ(line_.text(), "sat,sun 22:00-24:00");
  QTest::mouseClick(grid_->verticalHeader()->viewport(), Qt::LeftButton, {},
                    {5, grid_->verticalHeader()->sectionViewportPosition(tuesday) + 5});
  EXPECT_EQ(line_.text(), "tue; sat,sun 22:00-24:00");
}

TEST_F(ScheduleEditorTest, TheKeyboardPaintsToo) {
  line_.setText("never");
  grid_->setFocus();
  grid_->setCurrentIndex(grid_->model()->index(0, 0));
  QTest::keyClick(grid_, Qt::Key_Right);
  QTest::keyClick(grid_, Qt::Key_Down);
  EXPECT_EQ(line_.text(), "never");
  QTest::keyClick(grid_, Qt::Key_Space);
  EXPECT_EQ(line_.text(), "tue 01:00-02:00");
  QTest::keyClick(grid_, Qt::Key_Right, Qt::ShiftModifier);
  QTest::keyClick(grid_, Qt::Key_Right, Qt::ShiftModifier);
  QTest::keyClick(grid_, Qt::Key_Down, Qt::ShiftModifier);
  EXPECT_EQ(line_.text(), "tue,wed 01:00-04:00");
  // One too far is taken back.
  QTest::keyClick(grid_, Qt::Key_Left, Qt::ShiftModifier);
  EXPECT_EQ(line_.text(), "tue,wed 01:00-03:00");
  QTest::keyClick(grid_, Qt::Key_Right);
  QTest::keyClick(grid_, Qt::Key_Left, Qt::ShiftModifier);
  EXPECT_EQ(line_.text(), "tue 01:00-03:00; wed 01:00-02:00");
  // Tab goes on to the next field.
  EXPECT_FALSE(grid_->tabKeyNavigation());
}

TEST_F(ScheduleEditorTest, TheWeekBeginsAndIsSpokenAsTheOwnerIsUsedTo) {
  line_.setText("mon 18:00-20:30");
  EXPECT_EQ(words(0, 17), "Monday, hour from 17:00: no work");
  EXPECT_EQ(words(0, 18), "Monday, hour from 18:00: work is allowed");
  EXPECT_EQ(words(0, 20), "Monday, hour from 20:00: work is allowed for 30 minutes");
  QAccessibleInterface* table = QAccessible::queryAccessibleInterface(grid_);
  EXPECT_EQ(table->text(QAccessible::Name), "Hours of the week");
  EXPECT_FALSE(table->text(QAccessible::Description).isEmpty());
  EXPECT_EQ(table->tableInterface()->cellAt(0, 18)->text(QAccessible::Name), words(0, 18));
  QLocale::setDefault(QLocale("en_US"));
  const WeekModel american;
  EXPECT_EQ(american.day(0), 6);
  EXPECT_EQ(american.headerData(1, Qt::Vertical, Qt::DisplayRole), "Mon");
}

}  // namespace
}  // namespace gogrid::tray
