#include "tray/ui/statistics_window.hpp"

#include <QDateTime>
#include <QHBoxLayout>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QShortcut>
#include <QVBoxLayout>

#include "tray/ui/note.hpp"

namespace gogrid::tray {
namespace {

constexpr int refresh_ms = 60'000;
constexpr qint64 live_seconds = 120;
constexpr qint64 day_seconds = 24 * 60 * 60;
constexpr double gigabyte = 1e9;

QString with_unit(double value, int digits, const QString& unit) {
  return QLocale().toString(value, 'f', digits) + " " + unit;
}

QLabel* heading(const QString& text) {
  auto* label = new QLabel(text);
  label->setTextFormat(Qt::PlainText);
  QFont font = label->font();
  font.setBold(true);
  label->setFont(font);
  return label;
}

QLabel* plain_label(const QString& text, Qt::Alignment alignment = Qt::AlignLeft) {
  auto* label = new QLabel(text);
  label->setTextFormat(Qt::PlainText);
  label->setAlignment(alignment | Qt::AlignVCenter);
  return label;
}

}  // namespace

StatisticsWindow::StatisticsWindow(WorkerModel& worker, QWidget* parent)
    : QWidget(parent), worker_(worker), hardware_(worker.connection().socket_path()), message_(plain_label({})) {
  setWindowTitle(tr("Statistics"));
  setAttribute(Qt::WA_DeleteOnClose);
  auto* inner = new QWidget;
  auto* column = new QVBoxLayout(inner);
  column->setContentsMargins(16, 16, 16, 16);
  column->setSpacing(10);
  message_->hide();
  message_->setWordWrap(true);
  column->addWidget(message_);
  column->addWidget(make_sums());
  column->addWidget(make_choice());
  column->addWidget(make_charts(), 1);
  column->addWidget(make_pauses());
  auto* area = new QScrollArea;
  area->setWidget(inner);
  area->setWidgetResizable(true);
  area->setAccessibleName(windowTitle());
  area->setFrameShape(QFrame::NoFrame);
  auto* close = new QPushButton(tr("&Close"));
  connect(close, &QPushButton::clicked, this, &QWidget::close);
  connect(new QShortcut(QKeySequence::Cancel, this), &QShortcut::activated, this, &QWidget::close);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 10);
  layout->addWidget(area, 1);
  auto* buttons = new QHBoxLayout;
  buttons->setContentsMargins(16, 0, 16, 0);
  buttons->addStretch();
  buttons->addWidget(close);
  layout->addLayout(buttons);
  resize(700, 680);

  refresh_.setInterval(refresh_ms);
  connect(&refresh_, &QTimer::timeout, this, &StatisticsWindow::ask_history);
  refresh_.start();
  connect(&worker_, &WorkerModel::appeared, this, &StatisticsWindow::ask_history);
  connect(&hardware_, &DaemonConnection::opened, this, [this] {
    hardware_.call("hardware.subscribe", {}, this, [this](const RpcAnswer& answer) {
      if (!answer.error) take_hardware(answer.result);
    });
  });
  connect(&hardware_, &DaemonConnection::closed, this, &StatisticsWindow::on_lost);
  connect(&hardware_, &DaemonConnection::notified, this, [this](const QString& method, const QJsonObject& params) {
    if (method == "hardware.reading") take_hardware(params);
  });
  ask_history();
  hardware_.open();
  show_sums();
  show_charts();
}

QWidget* StatisticsWindow::make_sums() {
  auto* box = new QWidget;
  auto* grid = new QGridLayout(box);
  grid->setContentsMargins(0, 0, 0, 0);
  grid->setHorizontalSpacing(24);
  grid->setColumnStretch(0, 1);
  const QString columns[] = {tr("Today"), tr("7 days"), tr("In all")};
  const QString rows[] = {tr("Jobs and requests"), tr("Tokens"), tr("Time given")};
  grid->addWidget(heading(tr("What this computer has done")), 0, 0);
  for (int column = 0; column < 3; ++column) {
    QLabel* name = heading(columns[column]);
    name->setAlignment(Qt::AlignRight);
    name->setMinimumWidth(name->fontMetrics().horizontalAdvance("000,000,000"));
    grid->addWidget(name, 0, column + 1);
    for (int row = 0; row < 3; ++row) {
      sums_[row][column] = plain_label({}, Qt::AlignRight);
      sums_[row][column]->setAccessibleDescription(rows[row] + ", " + columns[column]);
      grid->addWidget(sums_[row][column], row + 1, column + 1);
    }
  }
  for (int row = 0; row < 3; ++row)
    grid->addWidget(plain_label(rows[row]), row + 1, 0);
  return box;
}

QWidget* StatisticsWindow::make_choice() {
  auto* box = new QWidget;
  auto* line = new QHBoxLayout(box);
  line->setContentsMargins(0, 8, 0, 0);
  gpu_ = new QComboBox;
  gpu_->setAccessibleName(tr("GPU"));
  gpu_->setSizeAdjustPolicy(QComboBox::AdjustToContents);
  gpu_->hide();
  gpu_name_ = heading(tr("GPU"));
  // Screen readers take a combo box's name from its label.
  gpu_name_->setBuddy(gpu_);
  is_live_ = new QRadioButton(tr("&Live"));
  is_day_ = new QRadioButton(tr("&24 hours"));
  is_live_->setChecked(true);
  line->addWidget(gpu_name_);
  line->addWidget(gpu_);
  line->addStretch();
  line->addWidget(is_live_);
  line->addWidget(is_day_);
  connect(is_live_, &QRadioButton::toggled, this, &StatisticsWindow::show_charts);
  connect(gpu_, &QComboBox::currentIndexChanged, this, &StatisticsWindow::show_charts);
  return box;
}

QWidget* StatisticsWindow::make_charts() {
  auto* box = new QWidget;
  auto* grid = new QGridLayout(box);
  grid->setContentsMargins(0, 0, 0, 0);
  grid->setSpacing(8);
  load_ = new Chart(tr("Load"), QColor(0x2f, 0x80, 0xd0), [](double value) { return with_unit(value, 0, "%"); });
  load_->set_top(100);
  memory_ = new Chart(tr("Memory in use"), QColor(0x2a, 0x9d, 0x5c),
                      [](double value) { return with_unit(value / gigabyte, 1, "GB"); });
  temperature_ =
      new Chart(tr("Temperature"), QColor(0xd0, 0x7a, 0x10), [](double value) { return with_unit(value, 0, "°C"); });
  temperature_->set_top(100);
  power_ = new Chart(tr("Power"), QColor(0x95, 0x5c, 0xc0), [](double value) { return with_unit(value, 0, "W"); });
  grid->addWidget(load_, 0, 0);
  grid->addWidget(memory_, 0, 1);
  grid->addWidget(temperature_, 1, 0);
  grid->addWidget(power_, 1, 1);
  return box;
}

QWidget* StatisticsWindow::make_pauses() {
  auto* box = new QWidget;
  auto* column = new QVBoxLayout(box);
  column->setContentsMargins(0, 8, 0, 0);
  column->addWidget(heading(tr("Why work was paused, last 7 days")));
  column->addWidget(make_note(
      tr("Also when only a part of the computer was paused, such as a GPU. Reasons that hold at the same time count "
         "each.")));
  pauses_ = new QGridLayout;
  pauses_->setColumnStretch(1, 1);
  pauses_->setHorizontalSpacing(12);
  column->addLayout(pauses_);
  return box;
}

void StatisticsWindow::ask_history() {
  worker_.connection().call("history.get", {}, this, [this](const RpcAnswer& answer) {
    message_->setVisible(answer.error.has_value());
    if (answer.error) return message_->setText(answer.error->message);
    take_history(answer.result);
  });
}

// What was last read would pass for what is now.
void StatisticsWindow::on_lost(const QString& why) {
  message_->setText(why);
  message_->show();
  live_.clear();
  if (is_live_->isChecked()) show_charts();
}

void StatisticsWindow::take_history(const QJsonObject& answer) {
  history_ = read_history(answer, QDate::currentDate());
  show_sums();
  show_pauses();
  if (is_day_->isChecked()) show_charts();
}

void StatisticsWindow::take_hardware(const QJsonObject& survey) {
  const qint64 now = QDateTime::currentSecsSinceEpoch();
  for (const GpuNow& gpu : read_hardware(survey, now)) {
    if (gpu_->findData(gpu.id) < 0) gpu_->addItem(gpu.name, gpu.id);
    if (gpu.total_bytes > 0) total_bytes_[gpu.id] = gpu.total_bytes;
    auto& samples = live_[gpu.id];
    samples.push_back(gpu.sample);
    while (samples.front().at < now - live_seconds)
      samples.pop_front();
  }
  gpu_->setVisible(gpu_->count() > 1);
  QString only = gpu_->count() == 1 ? gpu_->itemText(0) : tr("No GPU was found");
  // In a label of another field it would be a shortcut's sign.
  only.replace('&', "&&");
  gpu_name_->setText(gpu_->count() > 1 ? tr("GPU") : only);
  if (is_live_->isChecked()) show_charts();
}

void StatisticsWindow::show_sums() {
  const Sums* columns[] = {&history_.today, &history_.week, &history_.all};
  for (int column = 0; column < 3; ++column) {
    sums_[0][column]->setText(Amounts::count(columns[column]->jobs));
    sums_[1][column]->setText(Amounts::count(columns[column]->tokens));
    sums_[2][column]->setText(Amounts::time(columns[column]->given_seconds));
  }
}

void StatisticsWindow::show_pauses() {
  while (QLayoutItem* item = pauses_->takeAt(0)) {
    delete item->widget();
    delete item;
  }
  if (history_.pauses.empty()) return pauses_->addWidget(plain_label(tr("It was not paused.")), 0, 0);
  const qint64 most = history_.pauses.front().seconds;
  int row = 0;
  for (const PausedFor& pause : history_.pauses) {
    const QString reason = StatusWords::reason(pause.code);
    auto* bar = new QProgressBar;
    bar->setRange(0, 1000);
    bar->setValue(static_cast<int>(1000 * pause.seconds / most));
    bar->setTextVisible(false);
    bar->setFixedHeight(fontMetrics().height() * 2 / 3);
    bar->setAccessibleName(reason);
    bar->setAccessibleDescription(Amounts::time(pause.seconds));
    pauses_->addWidget(plain_label(reason), row, 0);
    pauses_->addWidget(bar, row, 1);
    pauses_->addWidget(plain_label(Amounts::time(pause.seconds), Qt::AlignRight), row++, 2);
  }
}

void StatisticsWindow::show_charts() {
  const qint64 now = QDateTime::currentSecsSinceEpoch();
  const QString id = gpu_->currentData().toString();
  gpu_->setEnabled(is_live_->isChecked());
  const qint64 span = is_live_->isChecked() ? live_seconds : day_seconds;
  const QString begin = is_live_->isChecked() ? tr("2 min ago") : tr("24 h ago");
  for (Chart* chart : {load_, memory_, temperature_, power_})
    chart->set_span(now - span, now, begin, tr("now"));
  double total = 0;
  for (const auto& [gpu, bytes] : total_bytes_) {
    if (!is_live_->isChecked() || gpu == id) total += bytes;
  }
  memory_->set_top(total);
  if (!is_live_->isChecked()) return set_charts(history_.samples);
  const auto& samples = live_[id];
  set_charts({samples.begin(), samples.end()});
}

void StatisticsWindow::set_charts(const std::vector<GpuSample>& samples) {
  const auto points = [&samples](std::optional<double> GpuSample::*value) {
    std::vector<Chart::Point> out;
    out.reserve(samples.size());
    for (const GpuSample& sample : samples)
      out.push_back({sample.at, sample.*value});
    return out;
  };
  load_->set_points(points(&GpuSample::gpu_percent));
  memory_->set_points(points(&GpuSample::vram_bytes));
  temperature_->set_points(points(&GpuSample::temperature_celsius));
  power_->set_points(points(&GpuSample::power_watts));
}

}  // namespace gogrid::tray
