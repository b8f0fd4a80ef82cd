#include "cli/line_editor.hpp"

#include <histedit.h>

#include <clocale>
#include <csignal>
#include <cstdio>

namespace gogrid::cli {
namespace {

constexpr int history_lines = 1000;

class LibeditLineEditor final : public LineEditor {
 public:
  LibeditLineEditor() {
    // libedit edits characters, not bytes, only under a UTF-8 locale.
    if (!std::setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
    edit_ = el_init("gogrid", stdin, stderr, stderr);
    history_ = history_init();
    HistEvent event{};
    history(history_, &event, H_SETSIZE, history_lines);
    history(history_, &event, H_SETUNIQUE, 1);
    el_set(edit_, EL_CLIENTDATA, this);
    el_set(edit_, EL_PROMPT, prompt_of);
    el_set(edit_, EL_HIST, history, history_);
    el_set(edit_, EL_EDITOR, "emacs");
    // Puts the terminal back before a signal ends us.
    el_set(edit_, EL_SIGNAL, 1);
    // While a line is edited Ctrl-C and Ctrl-Z are keys ("intr=" alone does not take effect), so we do what they
    // should.
    el_set(edit_, EL_SETTY, "-d", "-isig", nullptr);
    el_set(edit_, EL_ADDFN, "gogrid-interrupt", "Give the line up", interrupt);
    el_set(edit_, EL_BIND, "^C", "gogrid-interrupt", nullptr);
    el_set(edit_, EL_ADDFN, "gogrid-suspend", "Stop until the shell's fg", suspend);
    el_set(edit_, EL_BIND, "^Z", "gogrid-suspend", nullptr);
    el_set(edit_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  }
  ~LibeditLineEditor() override {
    history_end(history_);
    el_end(edit_);
  }
  LibeditLineEditor(const LibeditLineEditor&) = delete;
  LibeditLineEditor& operator=(const LibeditLineEditor&) = delete;

  Terminal::Line read_line(const std::string& prompt, bool remember) override {
    prompt_ = prompt;
    interrupted_ = false;
    Terminal::Line line;
    int count = 0;
    const char* text = el_gets(edit_, &count);
    if (interrupted_) {
      line.kind = Terminal::Line::Kind::interrupted;
      el_reset(edit_);
      return line;
    }
    if (!text || count <= 0) return line;
    line.kind = Terminal::Line::Kind::text;
    line.text.assign(text, static_cast<std::size_t>(count));
    while (line.text.ends_with('\n') || line.text.ends_with('\r'))
      line.text.pop_back();
    HistEvent event{};
    if (remember && !line.text.empty()) history(history_, &event, H_ENTER, line.text.c_str());
    return line;
  }

 private:
  static LibeditLineEditor& self(EditLine* edit) {
    void* data = nullptr;
    el_get(edit, EL_CLIENTDATA, &data);
    return *static_cast<LibeditLineEditor*>(data);
  }
  static char* prompt_of(EditLine* edit) { return self(edit).prompt_.data(); }
  static unsigned char interrupt(EditLine* edit, int) {
    self(edit).interrupted_ = true;
    std::fputs("^C\n", stderr);
    return CC_EOF;
  }
  static unsigned char suspend(EditLine* edit, int) {
    el_set(edit, EL_PREP_TERM, 0);
    ::kill(0, SIGTSTP);
    el_set(edit, EL_PREP_TERM, 1);
    return CC_REDISPLAY;
  }

  EditLine* edit_ = nullptr;
  History* history_ = nullptr;
  std::string prompt_;
  bool interrupted_ = false;
};

}  // namespace

std::unique_ptr<LineEditor> make_line_editor() { return std::make_unique<LibeditLineEditor>(); }

}  // namespace gogrid::cli
