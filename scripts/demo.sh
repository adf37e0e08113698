#!/usr/bin/env bash
# The main job on a real cluster, from nothing: installs, builds, makes sure of a cluster, and runs scripts/demo.mjs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/prepare.sh
# shellcheck source=lib.sh
. scripts/lib.sh
choose_cluster demo
KUBECONFIG=$(cluster_kubeconfig) exec node scripts/demo.mjs
