#!/usr/bin/env bash
# Runs the tests, tells what took long, and closes with "N passed, N failed".
#   scripts/test.sh        everything: unit, integration, whole commands on a cluster of processes of this machine, and end to end on a real one,
#                          on this Node.js and on Node.js 24
#   scripts/test.sh unit   what needs no cluster
# What guards against another Node.js, another database server or in the cluster's own scripts runs where that has changed since it passed,
# and with CI_FULL=1.
# GASW_K8S_TEST_CLUSTER=none leaves out what needs a cluster. GASW_K8S_TEST_SEED=N runs the tests in the order of that seed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=lib.sh
. scripts/lib.sh

# What the parts and the tests' reporter tell, a line each:
#   PROJECT PASSED FAILED    # FAILURE    ~ MILLISECONDS TEST    @ SECONDS PART
output=$(mktemp -d)
trap 'end_beside; rm -rf "$output"' EXIT
count_in() {
  counts=$output/$1
  export GASW_K8S_TEST_COUNTS=$counts
  : >"$counts"
}
count_in counts

# sum COLUMN [PROJECT]: of what was counted, of one project or all.
sum() {
  awk -v column="$1" -v only="${2:-}" '$1 !~ /^[#~@]$/ && (only == "" || $1 == only) { total += $column } END { print total + 0 }' "$counts"
}

# part NAME COMMAND…: a command that counts its tests itself; one that fails without a count is a failure in that name.
part() {
  local name=$1 begin=${EPOCHREALTIME/[.,]/} code=0 failures
  shift
  failures=$(sum 3)
  "$@" || code=$?
  printf '@ %s %s\n' "$(((${EPOCHREALTIME/[.,]/} - begin) / 1000000))" "$name" >>"$counts"
  ((code)) || return 0
  (($(sum 3) > failures)) || printf '%s 0 1\n# %s: %s failed\n' "$name" "$name" "$*" >>"$counts"
  return 1
}

# stamp NAME "PATHS" WORD…: the file that says that a part has passed on this machine with the same content of these files.
stamp() {
  local content
  # shellcheck disable=SC2086 # several paths
  content=$({ find $2 -type f -print0 | sort -z | xargs -0 sha256sum; printf '%s\n' "${@:3}"; uname -srm; } | sha256sum)
  printf '%s' "$PASSED/$1-${content%% *}"
}

# has_passed STAMP: and not everything is asked for.
has_passed() { [[ ${CI_FULL:-} != 1 && -e $1 ]]; }

note_passed() {
  mkdir -p "$PASSED"
  touch "$1"
}

# unless_unchanged NAME "PATHS" COMMAND…: a part that is left out where it has passed.
unless_unchanged() {
  local name=$1 stamp
  stamp=$(stamp "$@")
  shift 2
  if has_passed "$stamp"; then
    echo "$name: left out, since what it guards is as it was when it passed (CI_FULL=1 runs it)"
    return
  fi
  part "$name" "$@" || return 0
  note_passed "$stamp"
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

# What Node.js runs of the product, and how it is tested on another version of it.
PROGRAM="bin bridge package-lock.json package.json scripts src vitest.config.ts"
ON_NODE24=(test/e2e/{submit,volumes,statusEnd,cleanup}.test.ts test/e2e/debug)

# measured NAME OPTION…: runs tests. What they reach in their own process is measured where program or tests are not as they were when that
# was measured; programs that they start do not count.
measured() {
  local name=$1 stamp
  shift
  stamp=$(stamp "coverage-$name" "src test vitest.config.ts" "$@")
  if has_passed "$stamp"; then
    vitest "$@"
    echo "coverage of $name: not measured, since program and tests are as they were when it was (CI_FULL=1 measures it)"
  else
    vitest "$@" --coverage.enabled --coverage.reportsDirectory="$COVERAGE/$name" || return
    note_passed "$stamp"
  fi
}
WITHOUT_CLUSTER=(--project unit --project integration --project local)

vitest() { npx vitest run "$@" 8>&-; }

# What speaks to the GASW database, by which its tests on every server and version are left out.
DATABASES="bridge engine package-lock.json scripts/databases.sh scripts/h2.sh src/core/gaswRow src/dao src/services/sync test/engine test/integration/dao test/local test/servers"

without_cluster() {
  if part servers install_servers; then
    part tests measured without-cluster "${WITHOUT_CLUSTER[@]}" --project package || :
    unless_unchanged databases "$DATABASES" vitest --project databases --project local-databases
  else
    part tests vitest --project unit --project integration --project package || :
  fi
  unless_unchanged node24 "$PROGRAM test" bash scripts/node24.sh --project unit --project integration --project local
}

end_to_end() {
  count_in counts-beside
  trap release_cluster EXIT
  if ! part cluster choose_cluster test; then
    echo "without a cluster no end-to-end test is run, which counts as a failure (GASW_K8S_TEST_CLUSTER=none leaves them out)"
    return
  fi
  is_cluster_named || unless_unchanged selftest cluster selftest
  part e2e measured end-to-end --project e2e || :
  if [[ $(sum 2 e2e) -eq 0 ]]; then
    echo "no end-to-end test has passed"
    echo "e2e 0 1" >>"$counts"
  fi
  # Waits for the tests on Node.js 24 that need no cluster, where those still run.
  unless_unchanged node24-e2e "$PROGRAM test/e2e" bash scripts/node24.sh --project e2e "${ON_NODE24[@]}"
}

# beside COMMAND…: goes on beside the next commands, in a process group of its own, so that it can be ended with all that it has started.
beside_pid=''
beside() {
  set -m
  "$@" >"$output/beside" 2>&1 </dev/null &
  set +m
  beside_pid=$!
}

# Says what was said beside and is said from now on, until that is over, and counts what was counted there.
join_beside() {
  local code=0
  tail --lines=+1 --follow --sleep-interval=0.2 --pid="$beside_pid" "$output/beside"
  wait "$beside_pid" || code=$?
  beside_pid=''
  cat "$output/counts-beside" >>"$counts"
  ((code == 0)) || printf 'e2e 0 1\n# e2e: ended with %s\n' "$code" >>"$counts"
}

end_beside() {
  [[ -n $beside_pid ]] || return 0
  kill -- "-$beside_pid" 2>/dev/null || :
  wait "$beside_pid" || :
}

COVERAGE=.cache/coverage
rm -rf "$COVERAGE"
# coverage BY FOLDER: a line, where it was measured
coverage() {
  local summary=$COVERAGE/$2/coverage-summary.json
  [[ -e $summary ]] || return 0
  # shellcheck disable=SC2016 # a template of JavaScript
  node -p 'const [by, file] = process.argv.slice(1); const { total } = require(path.resolve(file)); const of = (kind) => `${total[kind].pct} % of ${kind}`;
    `coverage by ${by}: ${["lines", "branches", "functions"].map(of).join(", ")}`' "$1" "$summary"
}

report() {
  local failures
  echo "slowest tests:"
  sed -n 's/^~ //p' "$counts" | sort -rn | awk 'NR <= 20 { $1 = sprintf("%7.1f s ", $1 / 1000); print }'
  echo "parts:"
  awk '$1 == "@" { printf "%5d s  %s\n", $2, $3 }' "$counts"
  coverage "the tests that need no cluster" without-cluster
  coverage "end-to-end tests" end-to-end
  [[ -z ${GASW_K8S_TEST_SEED:-} ]] || echo "the order of this run: GASW_K8S_TEST_SEED=$GASW_K8S_TEST_SEED"
  sed -n 's/^# /failed: /p' "$counts"
  failures=$(sum 3)
  echo "$(sum 2) passed, $failures failed"
  [[ $failures -eq 0 ]]
}

if part prepare bash scripts/prepare.sh; then
  if [[ ${1:-all} == unit ]]; then
    if part servers install_servers; then part tests measured without-cluster "${WITHOUT_CLUSTER[@]}" || :; fi
  elif [[ ${GASW_K8S_TEST_CLUSTER:-} == none ]]; then
    without_cluster
    echo "GASW_K8S_TEST_CLUSTER=none: no end-to-end test is run" >&2
  else
    # End-to-end tests wait for the cluster most of the time, which is when those that need none have the cores.
    beside end_to_end
    without_cluster
    join_beside
  fi
fi
report
