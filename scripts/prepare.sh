#!/usr/bin/env bash
# Installs the dependencies when the lockfile has changed since the last time, and builds the program when its sources have.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=lib.sh
. scripts/lib.sh

# Two runs in one checkout must not install or build over each other.
exec 9>.cache/prepare.lock
flock 9

command -v node >/dev/null || { echo "Node.js 20.19 or newer is missing" >&2; exit 69; }
runtime=$(node -p 'process.version + process.arch')
wanted=$(cat package-lock.json package.json | sha256sum)-$runtime
if [[ ! -d node_modules || $(cat node_modules/.installed 2>/dev/null) != "$wanted" ]]; then
  echo "installing the dependencies (the SQLite module is compiled the first time: about 2 minutes)" >&2
  npm ci --no-audit --no-fund >&2
  keep_prebuild
  echo "$wanted" >node_modules/.installed
fi
built=$(find src scripts/build.mjs package.json package-lock.json -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)-$runtime
if [[ ! -d dist || $(cat .cache/built 2>/dev/null) != "$built" ]]; then
  node scripts/build.mjs
  echo "$built" >.cache/built
fi
