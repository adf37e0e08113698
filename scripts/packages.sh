#!/usr/bin/env bash
# packages.sh PACKAGE...: installs packages of the distribution and starts none of their services. Exit 69: no apt-get here; 77: not root.
set -euo pipefail
(($#)) || exit 0

command -v apt-get >/dev/null || { echo "there is no apt-get to install what is missing: $*" >&2; exit 69; }
[[ $EUID -eq 0 ]] || { echo "only root can install what is missing: apt-get install $*" >&2; exit 77; }
# The lock under which cluster/up.sh, which may run at the same time, installs its packages too.
cache=${GASW_K8S_CLUSTER_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/gasw-k8s/cluster}
mkdir -p "$cache"
exec 9>>"$cache/apt.lock"
flock 9
echo "installing $*" >&2
export DEBIAN_FRONTEND=noninteractive
# Without this, installing a server starts the machine's own.
if [[ ! -e /usr/sbin/policy-rc.d ]]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
fi
apt-get -qq -o DPkg::Lock::Timeout=120 update >&2
apt-get -qq -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@" >&2
