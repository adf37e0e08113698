#!/usr/bin/env bash
# Runs the tests and closes with "N passed, N failed".
#   scripts/test.sh        everything: unit, integration and end to end on a real cluster, on this Node.js and on Node.js 24
#   scripts/test.sh unit   what needs no cluster
# GASW_K8S_TEST_CLUSTER=none leaves out what needs a cluster.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=lib.sh
. scripts/lib.sh

counts=$(mktemp)
export GASW_K8S_TEST_COUNTS=$counts
trap 'release_cluster; rm -f "$counts"' EXIT

# sum COLUMN [PART]: of what was counted, of one part or all.
sum() {
  awk -v column="$1" -v only="${2:-}" '$1 != "#" && (only == "" || $1 == only) { total += $column } END { print total + 0 }' "$counts"
}

# part NAME COMMAND…: a command that counts its tests itself; one that fails without a count is a failure in that name.
part() {
  local name=$1 failures
  shift
  failures=$(sum 3)
  "$@" && return
  (($(sum 3) > failures)) || printf '%s 0 1\n# %s: %s failed\n' "$name" "$name" "$*" >>"$counts"
  return 1
}

# Does the cluster come up, stand beside another one, and leave nothing behind?
selftest() {
  local log=.cache/selftest.log
  bash cluster/selftest.sh 8>&- 2>&1 | tee "$log" || true
  awk '$2 ~ /^passed/ && $4 ~ /^failed/ { print "cluster", $1, $3; failed = $3; found = 1 } END { exit !found || failed > 0 }' "$log" >>"$counts"
}

install_servers() {
  bash scripts/databases.sh && bash scripts/h2.sh
}

without_cluster() {
  local projects=(--project unit --project integration --project package)
  if part databases install_servers; then projects+=(--project databases); fi
  part run npx vitest run "${projects[@]}" || :
  part node24 bash scripts/node24.sh --project unit --project integration || :
}

end_to_end() {
  if ! part e2e choose_cluster test; then
    echo "without a cluster no end-to-end test is run, which counts as a failure (GASW_K8S_TEST_CLUSTER=none leaves them out)" >&2
    return
  fi
  is_cluster_named || part cluster selftest || :
  part e2e npx vitest run --project e2e || :
  if [[ $(sum 2 e2e) -eq 0 ]]; then
    echo "no end-to-end test has passed" >&2
    echo "e2e 0 1" >>"$counts"
  fi
  part node24 bash scripts/node24.sh --project e2e test/e2e/submit.test.ts test/e2e/volumes.test.ts test/e2e/statusEnd.test.ts test/e2e/cleanup.test.ts test/e2e/debug || :
  release_cluster
}

bash scripts/prepare.sh
if [[ ${1:-all} == unit ]]; then
  part run npx vitest run --project unit --project integration || :
else
  without_cluster
  if [[ ${GASW_K8S_TEST_CLUSTER:-} == none ]]; then
    echo "GASW_K8S_TEST_CLUSTER=none: no end-to-end test is run" >&2
  else
    end_to_end
  fi
fi
failures=$(sum 3)
sed -n 's/^# /failed: /p' "$counts"
echo "$(sum 2) passed, $failures failed"
[[ $failures -eq 0 ]]
