#!/usr/bin/env bash
# kubeconfig.sh: prints the path of the administrator's kubeconfig. Exit 1: the cluster is not up.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

is_up || die "no cluster is up in $DIR: start it with $HERE/up.sh."
printf '%s\n' "$DIR/admin.kubeconfig"
