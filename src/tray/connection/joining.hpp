// Joining: runs `gogrid-worker join` with a token on its standard input, where no list of processes shows it. Also
// reads what a person pasted. Owned by the wizard; on the GUI thread.
#pragma once

#include <QObject>
#include <QProcess>
#include <memory>

#include "tray/connection/place.hpp"

namespace gogrid::tray {

// What `gogrid token create` prints has both; a person may paste all of it, or a part.
struct PastedToken {
  QString token;
  // HOST:PORT
  QString coordinator;
};
PastedToken read_pasted(const QString& text);

// "host:port" of two fields; an IPv6 address gets its brackets. A host that was given with its port keeps it.
QString join_address(const QString& host, int port);

class Joining : public QObject {
  Q_OBJECT

 public:
  explicit Joining(Place place, QObject* parent = nullptr);
  ~Joining() override;

  void start(const QString& coordinator, const QString& token);

 signals:
  void joined();
  // `why` is for a person.
  void failed(const QString& why);

 private:
  Place place_;
  std::unique_ptr<QProcess> process_;
};

}  // namespace gogrid::tray
