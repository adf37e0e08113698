#!/usr/bin/env bash
# Prints the path of promtool, which checks Prometheus's rules: the installed one, else that of the distribution's package, which is unpacked into the
# user's cache and not installed. Exit 69: no apt-get here.
set -euo pipefail

if command -v promtool; then exit; fi
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/gasw-k8s/promtool
if [[ ! -x $cache/promtool ]]; then
  command -v apt-get >/dev/null || { echo "promtool is missing, and there is no apt-get to get it: install Prometheus" >&2; exit 69; }
  mkdir -p "$cache"
  exec 9>>"$cache/lock"
  flock 9
fi
if [[ ! -x $cache/promtool ]]; then
  draft=$(mktemp -d "$cache/draft.XXXXXX")
  trap 'rm -rf "$draft"' EXIT
  # _apt, as which apt-get downloads, must be able to write there.
  chmod 755 "$draft"
  cd "$draft"
  # Where the lists of packages are there, and recent enough, that is all.
  download() { apt-get -qq download prometheus >&2; }
  download 2>/dev/null || { apt-get -qq update >&2 && download; }
  dpkg --extract prometheus_*.deb unpacked
  mv unpacked/usr/bin/promtool "$cache/promtool"
fi
printf '%s\n' "$cache/promtool"
