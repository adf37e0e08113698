#!/usr/bin/env bash
# scale.sh N: makes the cluster have N fake nodes (kwok-node-0 ...), played by kwok; 0 ends kwok, too.
# Pods get there by tolerating the taint kwok.x-k8s.io/node=fake:NoSchedule; those of Jobs succeed at once.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# kwok's process as numbered in the namespace, if it runs.
kwok_pid() {
  local pid
  pid=$(cat "$DIR/kwok.pid" 2>/dev/null) || return 1
  in_namespace grep -qs kwok "/proc/$pid/cmdline" && printf %s "$pid"
}

# In the namespace and without a parent there, so that it ends with the cluster.
start_kwok() {
  kwok_pid >/dev/null && return
  ln -sf "$(build_kwok)" "$DIR/bin/kwok"
  # shellcheck disable=SC2016 # expanded by the shell in the namespace
  in_namespace env -i PATH="$PATH" HOME="$DIR" bash -c 'echo $$ >"$2/cgroup.procs"
    setsid "$1/bin/kwok" --kubeconfig "$1/admin.kubeconfig" \
      --v WARN --manage-nodes-with-annotation-selector kwok.x-k8s.io/node=fake --node-lease-duration-seconds 40 \
      </dev/null >"$1/log/kwok.log" 2>&1 9>&- & echo $! >"$1/kwok.pid"' bash "$DIR" "$(daemons_cgroup)"
}

stop_kwok() {
  local pid
  if pid=$(kwok_pid); then in_namespace kill "$pid"; fi
  rm -f "$DIR/kwok.pid"
}

node_manifest() {
  printf '{"apiVersion":"v1","kind":"Node","metadata":{"name":"%s","labels":{"type":"kwok","kwok-index":"%s",' "$1" "${1##*-}"
  printf '"kubernetes.io/os":"linux","kubernetes.io/hostname":"%s"},"annotations":{"kwok.x-k8s.io/node":"fake"}},' "$1"
  printf '"spec":{"taints":[{"key":"kwok.x-k8s.io/node","value":"fake","effect":"NoSchedule"}]}}\n'
}

fake_nodes() { kubectl get nodes -l type=kwok -o name | sed 's|^node/||'; }

wanted_nodes() { for ((i = 0; i < wanted; i++)); do printf 'kwok-node-%s\n' "$i"; done; }

# In one request: "kubectl delete" does five nodes a second.
delete_surplus() {
  local selector=type%3Dkwok
  ((wanted == 0)) || selector+=,kwok-index%3E$((wanted - 1))
  kubectl delete --raw "/api/v1/nodes?labelSelector=$selector" >/dev/null
}

# Lines of the first list that are not in the second.
without() { comm -23 <(sort <<<"$1") <(sort <<<"$2") | grep . || :; }

is_ready() { [[ $(kubectl get nodes -l type=kwok --no-headers | awk '$2 == "Ready"' | wc -l) == "$wanted" ]]; }

[[ ${1:-} =~ ^[0-9]+$ && $# == 1 ]] || { echo "usage: scale.sh NUMBER_OF_FAKE_NODES" >&2; exit 2; }
wanted=$((10#$1))
require_machine
is_up || die "no cluster is up in $DIR: start it with $HERE/up.sh."
lock

now=$(fake_nodes)
missing=$(without "$(wanted_nodes)" "$now")
if ((wanted)); then require_go; start_kwok; fi
if [[ -n $missing ]]; then
  while read -r node; do node_manifest "$node"; done <<<"$missing" | kubectl create -f - >/dev/null
fi
delete_surplus
if ((wanted)); then
  for ((try = 0; try < 300; try++)); do is_ready && break; sleep 0.2; done
  is_ready || die "the fake nodes did not become ready: see $DIR/log/kwok.log"
else
  stop_kwok
fi
say "$wanted fake nodes"
