#!/usr/bin/env bash
# Checks the shell scripts; the checker is installed where it is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v shellcheck >/dev/null || bash scripts/packages.sh shellcheck
shellcheck .ci/run cluster/*.sh cluster/mount.nfs scripts/*.sh src/core/manifests/*.sh
