#!/usr/bin/env bash
# Installs the dependencies when the lockfile has changed since the last time, and builds the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Two runs in one checkout must not install or build over each other.
mkdir -p .cache
exec 9>.cache/prepare.lock
flock 9

command -v node >/dev/null || { echo "Node.js 20.19 or newer is missing" >&2; exit 69; }
wanted=$(sha256sum package-lock.json package.json | sha256sum)-$(node -p 'process.versions.modules')
if [[ ! -d node_modules || $(cat node_modules/.installed 2>/dev/null) != "$wanted" ]]; then
  echo "installing the dependencies (the SQLite module is compiled: about 2 minutes)" >&2
  npm ci --no-audit --no-fund >&2
  echo "$wanted" >node_modules/.installed
fi
node scripts/build.mjs
