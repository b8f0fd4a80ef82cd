#include "tray/ui/vram_field.hpp"

#include <QJsonArray>
#include <QLocale>
#include <QSignalBlocker>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "tray/ui/note.hpp"

namespace gogrid::tray {
namespace {

constexpr double gigabyte = 1e9;
// A slider's step is half a gigabyte.
constexpr double steps_per_gigabyte = 2;

constexpr double max_gigabytes = 1e6;

int last_step(const Device& device) {
  const double gigabytes = std::min(static_cast<double>(device.total_bytes) / gigabyte, max_gigabytes);
  return static_cast<int>(std::ceil(gigabytes * steps_per_gigabyte));
}

bool is_same(const Device& one, const Device& other) {
  return one.description == other.description && one.total_bytes == other.total_bytes;
}

// In the keyboard's order. Qt does it only behind what takes the focus itself.
void put_behind(QWidget* place, QWidget* widget) {
  while (place->focusPolicy() == Qt::NoFocus)
    place = place->previousInFocusChain();
  QWidget::setTabOrder(place, widget);
}

QJsonArray sorted(const QJsonValue& list) {
  QStringList texts;
  for (const VramLimit& limit : read_vram_limits(list))
    texts << limit.device + "=" + QString::number(limit.gigabytes);
  texts.sort();
  return QJsonArray::fromStringList(texts);
}

}  // namespace

VramField::VramField(SettingState setting, QWidget* parent)
    : SettingEditor(std::move(setting), parent),
      sliders_(new QGridLayout),
      none_(make_note(tr("GPUs show here once the worker has its engine and has found them."))),
      lock_(make_note({})) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addLayout(sliders_);
  layout->addWidget(none_);
  layout->addWidget(lock_);
  layout->addWidget(fault_);
  sliders_->setColumnStretch(0, 1);
  set_state(setting_);
}

void VramField::add_devices(const std::vector<Device>& devices) {
  bool is_new = false;
  bool is_edit_lost = false;
  for (const Device& device : devices) {
    if (device.total_bytes <= 0) continue;
    const auto row =
        std::find_if(rows_.begin(), rows_.end(), [&device](const Row& one) { return one.device.name == device.name; });
    if (row == rows_.end()) {
      add_row(device);
      is_new = true;
    } else if (!is_same(row->device, device)) {
      is_new = true;
      is_edit_lost = is_edit_lost || row->is_moved;
      take_device(*row, device);
    }
  }
  if (!is_new) return;
  none_->setVisible(false);
  show_value();
  if (is_edit_lost) emit edited();
}

void VramField::add_row(const Device& device) {
  Row row = {device, new QLabel, new QSlider(Qt::Horizontal), new QLabel};
  row.name->setTextFormat(Qt::PlainText);
  row.name->setWordWrap(true);
  row.name->setBuddy(row.slider);
  row.slider->setPageStep(static_cast<int>(steps_per_gigabyte));
  row.slider->setTickPosition(QSlider::TicksBelow);
  guard_wheel(row.slider);
  row.amount->setMinimumWidth(row.amount->fontMetrics().horizontalAdvance("000,0 GB / 000,0 GB"));
  row.amount->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
  const int line = static_cast<int>(rows_.size()) * 2;
  sliders_->addWidget(row.name, line, 0, 1, 2);
  sliders_->addWidget(row.slider, line + 1, 0);
  sliders_->addWidget(row.amount, line + 1, 1);
  // Else one that comes late is behind every other field of the window.
  put_behind(rows_.empty() ? this : static_cast<QWidget*>(rows_.back().slider), row.slider);
  take_device(row, device);
  const std::size_t at = rows_.size();
  connect(row.slider, &QSlider::valueChanged, this, [this, at] { on_moved(at); });
  rows_.push_back(std::move(row));
}

void VramField::take_device(Row& row, const Device& device) {
  const QSignalBlocker quiet(row.slider);
  row.device = device;
  // What the owner wanted was for another GPU.
  row.is_moved = false;
  row.name->setText(tr("Memory of %1 (%2) for GoGrid").arg(device.description, device.name));
  row.slider->setAccessibleName(row.name->text());
  row.slider->setRange(0, last_step(device));
  row.slider->setTickInterval(std::max(1, last_step(device) / 8));
}

void VramField::on_moved(std::size_t at) {
  rows_[at].is_moved = true;
  show_amount(rows_[at]);
  emit edited();
}

void VramField::forget_edits() {
  for (Row& row : rows_)
    row.is_moved = false;
}

void VramField::describe() {
  const QString lock = SettingWords::lock(setting_);
  lock_->setText(lock);
  lock_->setVisible(!lock.isEmpty());
}

void VramField::show_value() {
  const auto limits = read_vram_limits(setting_.value);
  for (const Row& row : rows_) {
    row.slider->setEnabled(!setting_.is_locked());
    if (row.is_moved) continue;
    const QSignalBlocker quiet(row.slider);
    int step = row.slider->maximum();
    for (const VramLimit& limit : limits) {
      if (limit.device == row.device.name)
        step = static_cast<int>(std::lround(std::min(limit.gigabytes, max_gigabytes) * steps_per_gigabyte));
    }
    row.slider->setValue(step);
    show_amount(row);
  }
}

QJsonValue VramField::value() const {
  QJsonArray entries;
  // Of GPUs that are not there now nothing is forgotten.
  for (const VramLimit& limit : read_vram_limits(setting_.value)) {
    const bool is_moved = std::any_of(rows_.begin(), rows_.end(), [&limit](const Row& row) {
      return row.is_moved && row.device.name == limit.device;
    });
    if (!is_moved) entries.append(limit.device + "=" + QString::number(limit.gigabytes));
  }
  for (const Row& row : rows_) {
    if (!row.is_moved || row.slider->value() == row.slider->maximum()) continue;
    entries.append(row.device.name + "=" + QString::number(row.slider->value() / steps_per_gigabyte));
  }
  return entries.isEmpty() ? QJsonValue() : QJsonValue(entries);
}

bool VramField::is_changed() const { return !setting_.is_locked() && sorted(value()) != sorted(setting_.value); }

void VramField::show_amount(const Row& row) const {
  const QLocale locale;
  const QString whole = locale.toString(static_cast<double>(row.device.total_bytes) / gigabyte, 'f', 1);
  const int step = row.slider->value();
  if (step == row.slider->maximum()) {
    row.amount->setText(tr("all %1 GB").arg(whole));
  } else if (step == 0) {
    row.amount->setText(tr("not used"));
  } else {
    row.amount->setText(tr("%1 of %2 GB").arg(locale.toString(step / steps_per_gigabyte, 'f', 1), whole));
  }
  row.slider->setAccessibleDescription(row.amount->text());
}

}  // namespace gogrid::tray
