#!/usr/bin/env bash
# Compiles the GASW plugin for Java 17 and newer against GASW's names (test/engine/gasw), and writes down which source the jar is of.
# With a folder: builds it there. Needs a JDK 17 or newer.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/.."
to=${1:-engine/gasw-plugin}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compile() {
  javac --release 17 -g:none -Xlint:all -Werror -encoding UTF-8 "$@"
}
mapfile -t gasw < <(find test/engine/gasw -name "*.java" | sort)
compile -d "$work/gasw" "${gasw[@]}"
compile -cp "$work/gasw" -d "$work/plugin" engine/gasw-plugin/src/gaswk8s/*.java

mkdir -p "$to"
# One date for all entries: the same source makes the same jar.
jar --create --file "$to/gasw-k8s-plugin.jar" --date 2000-01-01T00:00:00Z -C "$work/plugin" .
cat engine/gasw-plugin/src/gaswk8s/*.java | sha256sum | cut -d' ' -f1 >"$to/SOURCE.sha256"
