// gogrid-tray: the icon by which an owner sees and steers the worker of this machine.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <QApplication>
#include <QCommandLineParser>
#include <QFileInfo>
#include <QLibraryInfo>
#include <QLocale>
#include <QTranslator>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "tray/connection/place.hpp"
#include "tray/ui/icon.hpp"
#include "tray/ui/program.hpp"
#include "tray/ui/single_instance.hpp"

namespace {

using namespace gogrid::tray;

constexpr int restart_code = 75;

struct Options {
  QString state_dir;
  bool in_background = false;
};

Options read_options(const QApplication& application) {
  QCommandLineParser parser;
  parser.setApplicationDescription("The icon by which you see and steer the GoGrid worker of this machine.");
  parser.addHelpOption();
  parser.addVersionOption();
  const QCommandLineOption state_dir("state-dir",
                                     "The worker's state directory instead of ~/.local/share/gogrid-worker", "DIR");
  const QCommandLineOption background("background", "Started at login: waits for a tray before it opens a window");
  parser.addOptions({state_dir, background});
  parser.process(application);
  return {parser.value(state_dir), parser.isSet(background)};
}

int run(QApplication& application) {
  application.setQuitOnLastWindowClosed(false);
  application.setWindowIcon(mood_icon(Mood::idle));
  const Options options = read_options(application);

  // Of Qt's own texts first, where the system has them.
  QTranslator of_qt;
  if (of_qt.load(QLocale(), "qtbase", "_", QLibraryInfo::path(QLibraryInfo::TranslationsPath)))
    QApplication::installTranslator(&of_qt);
  QTranslator ours;
  if (ours.load(QLocale(), "gogrid-tray", "_", ":/i18n")) QApplication::installTranslator(&ours);

  Place place = find_place(
      options.state_dir, [](const char* name) { return qEnvironmentVariable(name); },
      QApplication::applicationDirPath());
  if (place.state_dir.isEmpty()) {
    std::fprintf(stderr, "gogrid-tray: HOME is not set: name a state directory with --state-dir\n");
    return 1;
  }
  SingleInstance instance(place.state_dir);
  if (!instance.claim()) return 0;
  Program program(std::move(place), options.in_background);
  QObject::connect(&instance, &SingleInstance::asked_to_show, &program, &Program::show_window);
  QObject::connect(&program, &Program::restart_wanted, &application, [] { QApplication::exit(restart_code); });
  program.start();
  return QApplication::exec();
}

}  // namespace

int main(int argc, char** argv) {
  ::umask(077);
  ::signal(SIGPIPE, SIG_IGN);
  QApplication::setApplicationName("gogrid-tray");
  QApplication::setApplicationDisplayName("GoGrid");
  QApplication::setApplicationVersion(GOGRID_VERSION);
  QApplication::setDesktopFileName("gogrid-tray");
  auto application = std::make_unique<QApplication>(argc, argv);
  const int code = run(*application);
  // Where it is destroyed, Qt 6.4 may wait for ever for its own thread that reads from Wayland. The process ends both.
  const bool is_left_to_the_system = QApplication::platformName().startsWith("wayland");
  if (is_left_to_the_system) {
    (void)application.release();
  } else {
    application.reset();
  }
  if (code == restart_code) {
    ::execv("/proc/self/exe", argv);
    std::perror("gogrid-tray");
    std::_Exit(1);
  }
  if (is_left_to_the_system) std::_Exit(code);
  return code;
}
