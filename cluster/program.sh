#!/usr/bin/env bash
# program.sh: has the node know an image of this checkout's built program, as deploy/image/Containerfile describes it, and prints its name. The image's
# tag is its content's: one that the node has is not made again.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=archive.sh
. "$HERE/archive.sh"

# What the program needs, and nothing else of its package: SQLite's JavaScript is part of dist.
PROGRAM=(bin dist package.json LICENSE)
SQLITE=node_modules/better-sqlite3
NATIVE=("$SQLITE"/{package.json,LICENSE,build/Release/better_sqlite3.node})
USER_ID=65532

content() {
  { find "${PROGRAM[@]}" "${NATIVE[@]}" -type f -print0 | sort -z | xargs -0 sha256sum
    sha256sum "$HERE"/{archive,program}.sh "$(command -v node)"; } | sha256sum | cut -c1-16
}

# The native module is compiled for the Node.js of this machine, which comes along.
program_root() {
  local root=$1 place=$1/usr/local/lib/gasw-k8s
  mkdir -p "$root"/{etc,tmp,proc,sys,dev,var/lib} "$place"
  chmod 1777 "$root/tmp"
  copy_program "$root" "$(command -v node)"
  cp --recursive --parents "${PROGRAM[@]}" "${NATIVE[@]}" "$place"
  printf 'root:x:0:0:root:/:/sbin/nologin\ngasw-k8s:x:%s:%s::/var/lib/gasw-k8s:/sbin/nologin\n' $USER_ID $USER_ID >"$root/etc/passwd"
  printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
}

contains() { in_namespace ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io images list --quiet "name==$1"; }

is_up || die "no cluster is up in $DIR."
# shellcheck source=/dev/null
. "$DIR/settings"
cd "$HERE/.."
image=localhost/gasw-k8s/gasw-k8s:$(content)
if [[ -z $(contains "$image") ]]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  program_root "$work/root"
  archive "$work/image.tar" "$image" "$work/root" "\"User\":\"$USER_ID:$USER_ID\",
    \"Entrypoint\":[\"/bin/node\",\"/usr/local/lib/gasw-k8s/bin/gasw-k8s.js\"]"
  in_namespace ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io images import --snapshotter "$SNAPSHOTTER" "$work/image.tar" >&2
fi
printf '%s\n' "$image"
