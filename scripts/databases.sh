#!/usr/bin/env bash
# Installs the database servers that the tests start, and what makes their certificates, from the distribution's packages, where they are missing. Starts none of them.
set -euo pipefail

packages=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || packages+=(postgresql)
[[ -x /usr/sbin/mariadbd ]] || packages+=(mariadb-server)
command -v openssl >/dev/null || packages+=(openssl)
((${#packages[@]})) || exit 0

command -v apt-get >/dev/null || { echo "there is no apt-get to install what is missing: ${packages[*]}" >&2; exit 69; }
[[ $EUID -eq 0 ]] || { echo "only root can install what is missing: apt-get install ${packages[*]}" >&2; exit 77; }
echo "installing ${packages[*]}" >&2
# The lock under which cluster/up.sh installs its packages too.
cache=${GASW_K8S_CLUSTER_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/gasw-k8s/cluster}
mkdir -p "$cache"
exec 9>>"$cache/apt.lock"
flock 9
export DEBIAN_FRONTEND=noninteractive
# Without this, installing the servers starts the machine's own.
if [[ ! -e /usr/sbin/policy-rc.d ]]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
fi
# The package would make a cluster of its own on the usual port.
mkdir -p /etc/postgresql-common
[[ -e /etc/postgresql-common/createcluster.conf ]] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
apt-get -qq -o DPkg::Lock::Timeout=120 update >&2
apt-get -qq -o DPkg::Lock::Timeout=120 install --no-install-recommends "${packages[@]}" >&2
