// SettingsWindow: every setting of the worker by pages, checked by the daemon while the owner types, and starting at
// login. Owned by the program, deleted when closed; on the GUI thread.
#pragma once

#include <QCheckBox>
#include <QLabel>
#include <QListWidget>
#include <QPushButton>
#include <QStackedWidget>
#include <QTimer>
#include <QVBoxLayout>
#include <QWidget>
#include <map>
#include <vector>

#include "tray/models/worker_model.hpp"
#include "tray/ui/setting_editor.hpp"
#include "tray/ui/vram_field.hpp"

namespace gogrid::tray {

class SettingsWindow : public QWidget {
  Q_OBJECT

 public:
  explicit SettingsWindow(WorkerModel& worker, QWidget* parent = nullptr);

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void load();
  void build(const SettingsState& state);
  SettingEditor* make_editor(const SettingState& setting);
  // The worker may find GPUs at any time.
  void add_devices();
  void add_login_box();
  QVBoxLayout& page(Page page);
  void on_edited();
  void check();
  void save();
  // What the owner has changed and not saved stays as it is.
  void refresh(const SettingsState& state);
  void show_file_error(const SettingsState& state);
  QJsonObject changes() const;
  void show_errors(const RpcError* error);
  void say(const QString& text, bool is_wrong);

  WorkerModel& worker_;
  QListWidget* names_;
  QStackedWidget* pages_;
  QLabel* file_error_;
  QLabel* message_;
  QPushButton* save_;
  QPushButton* close_;
  std::map<Page, QVBoxLayout*> layouts_;
  std::vector<SettingEditor*> editors_;
  VramField* vram_ = nullptr;
  QCheckBox* login_ = nullptr;
  bool is_built_ = false;
  // A burst of keys is one question.
  QTimer pause_;
  // Answers to questions that are old by now say nothing.
  int question_ = 0;
};

}  // namespace gogrid::tray
