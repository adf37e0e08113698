#!/usr/bin/env bash
# down.sh [--purge]: stops the cluster and removes all it made but its run folder (logs); --purge removes that, too.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ $# == 0 || $* == --purge ]] || { echo "usage: down.sh [--purge]" >&2; exit 2; }
[[ -d $DIR ]] || { say "nothing to stop in $DIR"; exit 0; }
require_machine
lock
stop_cluster
wipe_run_folder log
if [[ ${1:-} == --purge ]]; then
  rm -rf --one-file-system "$DIR"
  say "down, and $DIR is removed"
else
  say "down; logs are in $DIR/log"
fi
