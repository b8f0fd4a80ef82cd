# What scripts/demo, scripts/test and scripts/dev share: the checkout's path, progress lines, set-up and build. Sourced, not run.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mkdir -p "$top/build"
# shellcheck source-path=SCRIPTDIR source=dependencies.sh
. "$top/scripts/lib/dependencies.sh"

# A line of progress, with the seconds since the script began.
say() { printf '\033[1m[%4ds]\033[0m %s\n' "$SECONDS" "$*" >&2; }
die() { say "$*"; exit 1; }

# Runs a long command with its output in build/NAME.log; on failure its end is shown. ninja's own progress is shown on a terminal.
logged() {
  local name=$1; shift
  "$@" >"$top/build/$name.log" 2>&1 || { tail -n 40 "$top/build/$name.log" >&2; die "failed: $* (the whole log is build/$name.log)"; }
}

# Node 22 from npm: it runs TypeScript as it is.
node="$top/node_modules/.bin/node"

install_everything() {
  install_packages
  install_ngtcp2
}

install_node_packages() {
  local stamp="$top/node_modules/.gogrid-lock"
  cmp -s "$top/package-lock.json" "$stamp" && return 0
  say "installing the test tools from npm"
  (cd "$top" && logged npm npm ci --no-audit --no-fund)
  cp "$top/package-lock.json" "$stamp"
}

# build PRESET [TARGET...]
build() {
  local preset=$1; shift
  local dir="$top/build/$preset"
  [ -e "$dir/build.ninja" ] || { say "configuring ($preset)"; logged "configure-$preset" cmake --preset "$preset" -S "$top"; }
  if ninja -C "$dir" -n "$@" 2>/dev/null | grep -q 'no work to do'; then return 0; fi
  say "building ($preset); the first time takes minutes"
  if [ -t 2 ]; then
    NINJA_STATUS="[%f of %t, %es] " ninja -C "$dir" "$@" >&2 || die "the build failed"
  else
    logged "build-$preset" ninja -C "$dir" "$@"
  fi
}

# The engine bundle for this machine; prints its path.
engine_bundle() {
  local path
  path=$("$top/engine/build" --if-missing --flavour cpu --output "$top/build/engine" | tail -n 1)
  [ -s "$path" ] || die "engine/build left no bundle"
  printf '%s\n' "$path"
}
