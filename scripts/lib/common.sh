# What scripts/demo, scripts/test and scripts/dev share: the checkout's path, progress lines, set-up and build. Sourced, not run.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mkdir -p "$top/build"
# What was fetched once serves other checkouts of this user too.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/gogrid
# shellcheck source-path=SCRIPTDIR source=dependencies.sh
. "$top/scripts/lib/dependencies.sh"

# A line of progress, with the seconds since the script began.
say() { printf '\033[1m[%4ds]\033[0m %s\n' "$SECONDS" "$*" >&2; }
die() { say "$*"; exit 1; }

# logged NAME COMMAND...: runs a long command with its output in build/NAME.log. A terminal shows the newest line of it, in place;
# on failure its end is shown.
logged() {
  local name=$1 log status=0 line; shift
  log=$top/build/$name.log
  if [ -t 2 ]; then
    "$@" 2>&1 | tee "$log" | while IFS= read -r line; do printf '\r\033[K%.*s' "$((${COLUMNS:-80} - 1))" "$line" >&2; done || status=$?
    printf '\r\033[K' >&2
  else
    "$@" >"$log" 2>&1 || status=$?
  fi
  [ "$status" = 0 ] || { tail -n 40 "$log" >&2; die "failed: $* (the whole log is build/$name.log)"; }
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
  # Debian's npm 9 makes no link for a package of another name.
  [ -x "$node" ] || (cd "$top/node_modules/.bin" && ln -sf ../node-linux-*/bin/node node)
  "$node" --version >/dev/null || die "npm left no Node 22 in node_modules"
  cp "$top/package-lock.json" "$stamp"
}

# build PRESET [TARGET...]
build() {
  local preset=$1; shift
  local dir="$top/build/$preset"
  [ -e "$dir/build.ninja" ] || { say "configuring ($preset)"; logged "configure-$preset" cmake --preset "$preset" -S "$top"; }
  if ninja -C "$dir" -n "$@" 2>/dev/null | grep -q 'no work to do'; then return 0; fi
  say "building ($preset); the first time takes minutes"
  NINJA_STATUS="[%f of %t, %es] " logged "build-$preset" ninja -C "$dir" "$@"
}

# engine_bundle FLAVOUR: the engine bundle for this machine; prints its path. One that is in the cache serves for as long as
# engine/build stays as it is.
engine_bundle() {
  local path kept
  kept=$cache/engine/$(sha256sum <"$top/engine/build" | head -c 16)
  path=$("$top/engine/build" --if-missing --flavour "$1" --output "$kept" | tail -n 1)
  [ -s "$path" ] || die "engine/build left no bundle"
  mkdir -p "$top/build/engine"
  ln -sf "$path" "$top/build/engine/"
  printf '%s\n' "$path"
}

# What the tests need: the Vulkan bundle runs on Mesa's software GPU. It takes a minute, the first time.
engine_bundles() {
  local flavour
  for flavour in cpu vulkan; do engine_bundle "$flavour" >/dev/null; done
}
