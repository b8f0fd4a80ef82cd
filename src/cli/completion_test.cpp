// The scripts are read by the shells they are for, and complete what there is.
#include "cli/completion.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cli/program.hpp"

namespace gogrid::cli {
namespace {

// What a shell says to a script; skipped where that shell is not installed.
int run_shell(const std::string& shell, const std::string& script) {
  char name[] = "/tmp/gogrid-completion-XXXXXX";
  const int fd = ::mkstemp(name);
  (void)!::write(fd, script.data(), script.size());
  ::close(fd);
  const int status = std::system(("command -v " + shell + " >/dev/null || exit 77; " + shell + " " + name).c_str());
  ::unlink(name);
  return WEXITSTATUS(status);
}

TEST(CompletionScripts, BashCompletesCommandsOptionsAndNothingWrong) {
  const CommandTree tree;
  const std::string script = bash_completion(*tree.root);
  const std::string check = script + R"sh(
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _gogrid; echo "${COMPREPLY[*]}"; }
set -e
[ "$(try gogrid mo)" = model ]
[ "$(try gogrid model '')" = "add ls list show set rm alias" ]
[ "$(try gogrid model alias '')" = "ls list set rm" ]
[[ "$(try gogrid model list -)" == *--json* ]]
[ "$(try gogrid model add --kind '')" = "chat embedding rerank" ]
[ "$(try gogrid model add --kind e)" = embedding ]
[ "$(try gogrid model add --kind = em)" = embedding ]
[ "$(try gogrid model add --kind =)" = "chat embedding rerank" ]
[ "$(try gogrid key create --scope '')" = "inference admin" ]
[ "$(try gogrid key create --scope admin '')" = "" ]
[ "$(try gogrid job ls --state q)" = queued ]
[ "$(try gogrid usage --by '')" = "day key model" ]
[ "$(try gogrid run --endpoint /v1/c)" = "/v1/chat/completions /v1/completions" ]
[ "$(try gogrid completion '')" = "bash zsh fish" ]
[ "$(try gogrid model add --na)" = --name ]
[ "$(try gogrid model add '')" = "" ]
[[ "$(try gogrid chat -)" == *--model*-m* ]]
[ "$(try gogrid --ver)" = --version ]
)sh";
  EXPECT_EQ(run_shell("bash", check), 0) << script;
}

TEST(CompletionScripts, ZshAndFishReadThem) {
  const CommandTree tree;
  const int zsh = run_shell("zsh", "set -e\nautoload -Uz compinit\ncompinit -u -D\n" + zsh_completion(*tree.root) +
                                       "[[ -n ${_comps[gogrid]} ]]\n");
  const int fish = run_shell("fish", fish_completion(*tree.root) + R"(
test (count (complete -C 'gogrid model ')) -eq 7; or exit 1
complete -C 'gogrid model add --na' | string match -q -- '--name*'; or exit 2
complete -C 'gogrid wor' | string match -q -- 'worker*'; or exit 3
test (count (complete -C 'gogrid model add --kind ')) -eq 3; or exit 4
test (count (complete -C 'gogrid completion ')) -eq 3; or exit 5
complete -C 'gogrid model list --j' | string match -q -- '--json*'; or exit 6
)");
  EXPECT_TRUE(zsh == 0 || zsh == 77) << zsh;
  EXPECT_TRUE(fish == 0 || fish == 77) << fish;
}

}  // namespace
}  // namespace gogrid::cli
