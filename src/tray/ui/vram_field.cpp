#include "tray/ui/vram_field.hpp"

#include <QGridLayout>
#include <QJsonArray>
#include <QLocale>
#include <QSignalBlocker>
#include <algorithm>
#include <cmath>

#include "tray/ui/note.hpp"
#include "tray/ui/setting_field.hpp"

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

QJsonArray sorted(const QJsonValue& list) {
  QStringList texts;
  for (const VramLimit& limit : read_vram_limits(list))
    texts << limit.device + "=" + QString::number(limit.gigabytes);
  texts.sort();
  return QJsonArray::fromStringList(texts);
}

}  // namespace

VramField::VramField(SettingState setting, const std::vector<Device>& devices, QWidget* parent)
    : QWidget(parent), setting_(std::move(setting)), lock_(make_note({})), fault_(make_fault_note()) {
  auto* layout = new QGridLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setColumnStretch(0, 1);
  int line = 0;
  for (const Device& device : devices) {
    if (device.total_bytes <= 0) continue;
    auto* name = new QLabel(tr("Memory of %1 (%2) for GoGrid").arg(device.description, device.name));
    name->setTextFormat(Qt::PlainText);
    name->setWordWrap(true);
    auto* slider = new QSlider(Qt::Horizontal);
    slider->setRange(0, last_step(device));
    slider->setPageStep(static_cast<int>(steps_per_gigabyte));
    slider->setTickPosition(QSlider::TicksBelow);
    slider->setTickInterval(std::max(1, last_step(device) / 8));
    slider->setAccessibleName(name->text());
    guard_wheel(slider);
    auto* amount = new QLabel;
    amount->setMinimumWidth(amount->fontMetrics().horizontalAdvance("000,0 GB / 000,0 GB"));
    amount->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    name->setBuddy(slider);
    layout->addWidget(name, line++, 0, 1, 2);
    layout->addWidget(slider, line, 0);
    layout->addWidget(amount, line++, 1);
    const std::size_t at = rows_.size();
    rows_.push_back({device, slider, amount});
    connect(slider, &QSlider::valueChanged, this, [this, at] { on_moved(at); });
  }
  if (rows_.empty())
    layout->addWidget(make_note(tr("GPUs show here once the worker has its engine and has found them.")), line++, 0, 1,
                      2);
  layout->addWidget(lock_, line++, 0, 1, 2);
  layout->addWidget(fault_, line, 0, 1, 2);
  set_state(setting_);
}

void VramField::on_moved(std::size_t at) {
  rows_[at].is_moved = true;
  show_amount(rows_[at]);
  emit edited();
}

void VramField::refresh(const SettingState& setting) {
  const bool was_changed = is_changed();
  setting_ = setting;
  if (!was_changed || !is_changed()) return set_state(setting);
  show_limits();
}

void VramField::set_state(const SettingState& setting) {
  setting_ = setting;
  for (Row& row : rows_)
    row.is_moved = false;
  show_limits();
  show_error({});
}

// On the sliders that the owner has not moved.
void VramField::show_limits() {
  const QString lock = SettingWords::lock(setting_);
  lock_->setText(lock);
  lock_->setVisible(!lock.isEmpty());
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

void VramField::show_error(const QString& error) { show_fault(*fault_, error); }

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
