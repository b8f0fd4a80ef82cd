# Installs the Debian packages of scripts/dependencies.apt that are missing, and ngtcp2 into build/deps. Sourced, not run.
# Needs: top (the checkout), and say (prints a progress line).
# shellcheck source-path=SCRIPTDIR source=debian_mirror.sh
. "$top/scripts/lib/debian_mirror.sh"

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    say "need root to run: $*" ; say "run this once as root, or install sudo"; return 1; fi
}

missing_packages() {
  local package
  for package in $(grep -v '^#' "$top/scripts/dependencies.apt"); do
    # nodejs from another packager brings its own npm.
    [ "$package" = npm ] && command -v npm >/dev/null && continue
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done
}

install_packages() {
  local missing
  missing=$(missing_packages | tr '\n' ' ')
  [ -n "$missing" ] || return 0
  say "installing packages: $missing"
  logged apt as_root bash -c 'export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 "$@"' apt $missing
}

# bookworm's ngtcp2 is too old and bookworm-backports has the right one: fetched with an apt configuration of its own, so that
# the system's sources stay as they are, and unpacked into build/deps. On later releases the system's packages serve.
install_ngtcp2() {
  local deps="$top/build/deps" state mirror packages="libngtcp2-dev libngtcp2-crypto-gnutls-dev"
  [ -e "$deps/ngtcp2/.complete" ] && return 0
  if [ "$(. /etc/os-release; echo "${VERSION_ID:-0}")" != 12 ]; then
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
    return
  fi
  say "fetching ngtcp2 from bookworm-backports"
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || { say "no Debian mirror in /etc/apt: add one and run this again"; return 1; }
  state=$deps/apt
  rm -rf "$state" "$deps/ngtcp2"
  mkdir -p "$state/lists/partial" "$state/parts" "$deps/ngtcp2"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm-backports main" >"$state/sources.list"
  local apt="-o Dir::Etc::SourceList=$state/sources.list -o Dir::Etc::SourceParts=$state/parts -o Dir::State::Lists=$state/lists
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root"
  # shellcheck disable=SC2086
  apt-get $apt -qq update
  # shellcheck disable=SC2086
  (cd "$state" && apt-get $apt -qq download libngtcp2-16 libngtcp2-crypto-gnutls8 $packages)
  local package
  for package in "$state"/*.deb; do dpkg-deb -x "$package" "$deps/ngtcp2"; done
  rm -rf "$state"
  touch "$deps/ngtcp2/.complete"
}
