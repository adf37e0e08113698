#!/usr/bin/env bash
# The main job on a real cluster, from nothing: installs, builds, brings the cluster up, and runs scripts/demo.mjs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/prepare.sh
bash cluster/up.sh
KUBECONFIG=$(bash cluster/kubeconfig.sh) exec node scripts/demo.mjs
