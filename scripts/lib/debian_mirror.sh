# shellcheck shell=bash
# Sourced, not run.

# The first Debian archive in this machine's apt sources, one-line or deb822. Third-party archives use Debian's suite names too:
# the distribution's own files come first, and only an archive with the component 'main' counts.
debian_mirror() {
  local files=()
  mapfile -t files < <(
    find /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources -maxdepth 0 2>/dev/null || true
    find /etc/apt/sources.list.d -maxdepth 1 \( -name '*.list' -o -name '*.sources' \) 2>/dev/null | sort)
  [ ${#files[@]} -gt 0 ] || return 0
  awk '
    function take(uri, names, components) {
      if (uri !~ /^(https?|ftp|file|copy|mirror[^:]*):/ || uri ~ /security/) return
      if (names !~ /(^| )(bookworm|trixie|forky|duke|sid|stable|testing|unstable)( |$)/) return
      if (components !~ /(^| )main( |$)/) return
      print uri; found = 1; exit
    }
    function flush() { if (deb && enabled) take(uri, names, components); deb = 0; enabled = 1; uri = names = components = "" }
    function value(line) { sub(/^[^:]*:[ \t]*/, "", line); gsub(/[ \t]+/, " ", line); return line }
    FNR == 1 { flush() }
    /^[ \t]*#/ { next }
    /^[ \t]*$/ { flush(); next }
    /^deb[ \t]/ { sub(/\[[^]]*\]/, ""); gsub(/[ \t]+/, " "); rest = $0; sub(/^deb [^ ]+ [^ ]+ /, "", rest); take($2, $3, rest); next }
    tolower($1) == "types:" { deb = ($0 ~ /[ \t]deb([ \t]|$)/) }
    tolower($1) == "enabled:" { enabled = (tolower($2) != "no") }
    tolower($1) == "uris:" { uri = $2 }
    tolower($1) == "suites:" { names = value($0) }
    tolower($1) == "components:" { components = value($0) }
    END { if (!found) flush() }' "${files[@]}"
}
