#!/usr/bin/env bash
# Runs the tests and closes with "N passed, N failed".
#   scripts/test.sh        everything: unit, integration and end to end on a real cluster, on this Node.js and on Node.js 24
#   scripts/test.sh unit   what needs no cluster
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

counts=$(mktemp)
export GASW_K8S_TEST_COUNTS=$counts
mkdir -p .cache
users=.cache/cluster-users.lock
# Says that a test run brought the cluster up, so that the last one out takes it down.
started=.cache/cluster-started-by-tests
failed=0

finish() {
  release_cluster
  rm -f "$counts"
}
trap finish EXIT

# The cluster is shared by all runs in this checkout.
acquire_cluster() {
  exec 8>"$users"
  flock -s 8
  if ! bash cluster/kubeconfig.sh >/dev/null 2>&1; then touch "$started"; fi
  # The cluster's processes outlive this script: they must not hold its lock.
  bash cluster/up.sh 8>&-
}

release_cluster() {
  [[ -e /proc/self/fd/8 ]] || return 0
  if [[ -e $started ]] && flock -xn 8; then
    rm -f "$started"
    bash cluster/down.sh 8>&- >&2
  fi
  exec 8>&-
}

# Does the cluster come up, stand beside another one, and leave nothing behind?
cluster_selftest() {
  local log
  log=$(mktemp)
  bash cluster/selftest.sh 8>&- 2>&1 | tee "$log" || true
  awk '$2 ~ /^passed/ && $4 ~ /^failed/ { passed = $1; failed = $3; found = 1 } END { if (!found) failed = 1; print "cluster", passed + 0, failed + 0 }' "$log" >>"$counts"
  rm -f "$log"
}

run() {
  "$@" || failed=1
}

sum() {
  awk -v only="$1" -v column="$2" '$1 != "#" && $1 ~ only { total += $column } END { print total + 0 }' "$counts"
}

bash scripts/prepare.sh
if [[ ${1:-all} == unit ]]; then
  run npx vitest run --project unit --project integration
else
  bash scripts/databases.sh
  bash scripts/h2.sh
  run npx vitest run --project unit --project integration --project databases --project package
  if [[ ${GASW_K8S_TEST_CLUSTER:-} == none ]]; then
    echo "GASW_K8S_TEST_CLUSTER=none: no end-to-end test is run" >&2
  else
    if [[ -z ${GASW_K8S_TEST_KUBECONFIG:-}${GASW_K8S_TEST_CONTEXT:-} ]] && command -v kind >/dev/null && docker info >/dev/null 2>&1; then
      eval "$(bash cluster/kind.sh)"
    fi
    if [[ -z ${GASW_K8S_TEST_KUBECONFIG:-}${GASW_K8S_TEST_CONTEXT:-} ]]; then
      acquire_cluster
      run cluster_selftest
    fi
    run npx vitest run --project e2e
    if [[ $(sum '^e2e$' 2) -eq 0 ]]; then
      echo "no end-to-end test has passed" >&2
      echo "e2e 0 1" >>"$counts"
    fi
    run bash scripts/node24.sh --project unit --project integration
    run bash scripts/node24.sh --project e2e test/e2e/submit.test.ts test/e2e/volumes.test.ts test/e2e/statusEnd.test.ts test/e2e/cleanup.test.ts test/e2e/debug
  fi
fi
release_cluster
passed=$(sum . 2)
failures=$(sum . 3)
if [[ $failed -ne 0 && $failures -eq 0 ]]; then failures=1; fi
sed -n 's/^# /failed: /p' "$counts"
echo "$passed passed, $failures failed"
[[ $failures -eq 0 ]]
