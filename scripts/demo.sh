#!/usr/bin/env bash
# The main job on a real cluster, from nothing: installs, builds, brings the cluster up, and runs scripts/demo.mjs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/prepare.sh
# Holds the cluster: a test run that ends meanwhile leaves it up.
exec 8>.cache/cluster-users.lock
flock -s 8
bash cluster/up.sh 8>&-
KUBECONFIG=$(bash cluster/kubeconfig.sh) exec node scripts/demo.mjs
