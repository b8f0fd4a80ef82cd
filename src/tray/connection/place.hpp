// Where the worker daemon of this user is: its state directory, its control socket, its program. Looked up once at
// start; any thread.
#pragma once

#include <QString>
#include <functional>

namespace gogrid::tray {

struct Place {
  QString state_dir;
  // The state directory is not the one that `gogrid-worker` uses by itself, nor the unit of systemd.
  bool is_elsewhere = false;
  // gogrid-worker; empty: there is none beside this program, nor in the PATH.
  QString program;

  QString socket() const { return state_dir + "/run/control.sock"; }
  // This machine has joined a coordinator.
  bool has_identity() const;
  // What a daemon that the tray started says; begun anew with each start.
  QString log() const { return state_dir + "/tray-worker.log"; }
};

// `state_dir` as a person gave it, or empty: GOGRID_WORKER_STATE_DIR, then the usual place. No HOME: an empty one.
Place find_place(const QString& state_dir, const std::function<QString(const char*)>& environment,
                 const QString& own_directory);

// As people read it: what is in their home begins with "~".
QString shown_path(const QString& path, const QString& home);

}  // namespace gogrid::tray
