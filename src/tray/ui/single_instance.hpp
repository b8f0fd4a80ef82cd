// SingleInstance: one tray a worker. A second one asks the first to show itself, and ends. Owned by main(); GUI thread.
#pragma once

#include <QLocalServer>
#include <QObject>

namespace gogrid::tray {

class SingleInstance : public QObject {
  Q_OBJECT

 public:
  explicit SingleInstance(const QString& state_dir, QObject* parent = nullptr);

  // False: another one runs, and has been asked.
  bool claim();

 signals:
  void asked_to_show();

 private:
  QString path_;
  QLocalServer server_;
};

}  // namespace gogrid::tray
