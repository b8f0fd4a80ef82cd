// StatisticsWindow: what this computer has given, what its GPUs do, now and over a day, and why work was paused. It
// asks for readings only while it is open. Owned by the program, deleted when closed; on the GUI thread.
#pragma once

#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QRadioButton>
#include <QTimer>
#include <QWidget>
#include <deque>
#include <map>

#include "tray/models/history.hpp"
#include "tray/models/worker_model.hpp"
#include "tray/ui/chart.hpp"

namespace gogrid::tray {

class StatisticsWindow : public QWidget {
  Q_OBJECT

 public:
  explicit StatisticsWindow(WorkerModel& worker, QWidget* parent = nullptr);

 private:
  QWidget* make_sums();
  QWidget* make_choice();
  QWidget* make_charts();
  QWidget* make_pauses();
  void ask_history();
  void take_history(const QJsonObject& answer);
  void on_lost(const QString& why);
  void take_hardware(const QJsonObject& survey);
  void show_sums();
  void show_pauses();
  void show_charts();
  void set_charts(const std::vector<GpuSample>& samples);

  WorkerModel& worker_;
  // Its subscription ends with it.
  DaemonConnection hardware_;
  QTimer refresh_;
  History history_;
  // By GPU, the newest last.
  std::map<QString, std::deque<GpuSample>> live_;
  std::map<QString, double> total_bytes_;
  QLabel* message_;
  QLabel* sums_[3][3] = {};
  QRadioButton* is_live_;
  QRadioButton* is_day_;
  QComboBox* gpu_;
  QLabel* gpu_name_;
  Chart* load_;
  Chart* memory_;
  Chart* temperature_;
  Chart* power_;
  QGridLayout* pauses_ = nullptr;
};

}  // namespace gogrid::tray
