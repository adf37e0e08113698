#!/usr/bin/env bash
# Installs the database servers that the tests start, what makes their certificates, and patch, from the distribution's packages, where they are missing. Starts none of them.
set -euo pipefail

packages=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || packages+=(postgresql)
[[ -x /usr/sbin/mariadbd ]] || packages+=(mariadb-server)
command -v openssl >/dev/null || packages+=(openssl)
command -v patch >/dev/null || packages+=(patch)
((${#packages[@]})) || exit 0
# The package would make a cluster of its own on the usual port.
if [[ ! -e /etc/postgresql-common/createcluster.conf && $EUID -eq 0 ]]; then
  mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
fi
bash "$(dirname "${BASH_SOURCE[0]}")/packages.sh" "${packages[@]}"
