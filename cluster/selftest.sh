#!/usr/bin/env bash
# selftest.sh: does the cluster work, and does it leave nothing behind? Uses run folders of its own. Ends with "N passed, M failed".
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
work=$(mktemp -d "${TMPDIR:-/tmp}/gasw-k8s-selftest.XXXXXX")
chmod 755 "$work" # pods of other users write below it
passed=0 failed=0

# use NAME: the scripts and functions below act on the run folder NAME from now on
use() {
  export GASW_K8S_CLUSTER_DIR=$work/$1
  # shellcheck source=lib.sh
  . "$here/lib.sh"
}

cleanup() {
  local name
  for name in one two; do GASW_K8S_CLUSTER_DIR=$work/$name "$here/down.sh" --purge >/dev/null 2>&1 || :; done
  rm -rf --one-file-system "$work"
}
trap cleanup EXIT

# check WHAT COMMAND...: every line of a function has to succeed, which bash looks at only outside of conditions
check() {
  local what=$1 code
  shift
  set +e
  (set -e; "$@") >"$work/output" 2>&1
  code=$?
  set -e
  if ((code == 0)); then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$what"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n' "$what"
    sed 's/^/        /' "$work/output" | tail -n 60
  fi
}

# How long anything of a cluster may take, in seconds: on a busy machine long, on a quiet one it is never waited for.
PATIENCE=90

# eventually COMMAND...: until it succeeds; if it never does, says what there is of pods and events.
eventually() {
  local end=$((SECONDS + PATIENCE))
  until "$@"; do
    if ((SECONDS >= end)); then
      printf 'not within %s s: %s\n' "$PATIENCE" "$*"
      kubectl get pods,pvc,events --all-namespaces 2>&1 || :
      return 1
    fi
    sleep 0.2
  done
}

not() { ! "$@"; }

exits() { # CODE COMMAND...
  local code=0 wanted=$1
  shift
  "$@" || code=$?
  [[ $code == "$wanted" ]]
}

says() { # TEXT COMMAND...
  local text=$1
  shift
  "$@" 2>&1 | tee /dev/stderr | grep -F -- "$text" >/dev/null
}

# --- what a cluster does ---

# run_over_nfs NAME FOLDER COMMAND: a restricted Job that has the folder by NFS. Its claim is bound before it is made: the scheduler may
# look at a pod in the moment in which its claim is bound, and then looks again only after minutes.
run_over_nfs() {
  claim_manifest "$1" "$2" | kubectl create -f -
  eventually bind_claim "$1"
  job_manifest "$1" "$3" | kubectl create -f -
}

claim_manifest() { # NAME FOLDER
  cat <<END
{"apiVersion": "v1", "kind": "List", "items": [
{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "$1"}, "spec": {"capacity": {"storage": "1Gi"},
 "accessModes": ["ReadWriteMany"], "storageClassName": "", "claimRef": {"namespace": "default", "name": "$1"},
 "nfs": {"server": "127.0.0.1", "path": "$2"}}},
{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "$1"}, "spec": {"storageClassName": "",
 "accessModes": ["ReadWriteMany"], "volumeName": "$1", "resources": {"requests": {"storage": "1Gi"}}}}]}
END
}

job_manifest() { # NAME COMMAND
  cat <<END
{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "$1"}, "spec": {"backoffLimit": 0, "template": {"spec": {
 "restartPolicy": "Never", "securityContext": {"runAsNonRoot": true, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
 "containers": [{"name": "main", "image": "localhost/gasw-k8s/tools:1", "command": ["bash", "-c", "$2"],
  "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
  "volumeMounts": [{"name": "work", "mountPath": "/work"}]}],
 "volumes": [{"name": "work", "persistentVolumeClaim": {"claimName": "$1"}}]}}}}
END
}

pod_of() { kubectl get pod -l "batch.kubernetes.io/job-name=$1" -o name; }

exit_code_is() {
  [[ $(kubectl get "$(pod_of "$1")" -o jsonpath='{.status.containerStatuses[0].state.terminated.exitCode}') == "$2" ]]
}

is_running() { [[ $(kubectl get "$(pod_of "$1")" -o jsonpath='{.status.phase}') == Running ]]; }

# Binding may halt half way until the controller's next look at the claim: any change of it makes it look.
bind_claim() {
  kubectl annotate --overwrite pvc "$1" "selftest=$RANDOM" >/dev/null
  [[ $(kubectl get pvc "$1" -o jsonpath='{.status.phase}') == Bound ]]
}

# shellcheck disable=SC2016 # expanded in the pod
job_over_nfs() {
  mkdir -m 777 "$work/exported"
  kubectl label namespace default pod-security.kubernetes.io/enforce=restricted
  run_over_nfs writes "$work/exported" 'echo from-the-log; echo done >/work/file; until test -e /work/go; do sleep 0.1; done; exit 3'
  eventually is_running writes
}

job_is_seen() {
  [[ $(kubectl logs "$(pod_of writes)") == from-the-log ]]
  [[ $(kubectl exec "$(pod_of writes)" -- sh -c 'id -u; cat /work/file; echo "[1]" | jq -c .' | paste -sd' ') == '65534 done [1]' ]]
  [[ $(<"$work/exported/file") == "done" ]]
}

job_ends() {
  touch "$work/exported/go"
  eventually exit_code_is writes 3
}

event_tells() { kubectl get events -o jsonpath='{range .items[*]}{.message}{"\n"}{end}' | grep -F -- "$1"; }

mount_fails() {
  run_over_nfs fails "$work/nowhere" true
  eventually event_tells 'reason given by server: No such file or directory'
}

image_is_refused() {
  kubectl create namespace other
  kubectl -n other run nobody --image=localhost/gasw-k8s/bash:missing
  eventually waits_for_image
}

waits_for_image() {
  kubectl -n other get pod nobody -o jsonpath='{.status.containerStatuses[0].state.waiting.reason}' | grep -E 'ErrImagePull|ImagePullBackOff'
}

fake_nodes() { [[ $(kubectl get nodes -l type=kwok -o name | wc -l) == "$1" ]]; }

jobs_on_fake_nodes() {
  local i
  for i in {1..20}; do
    cat <<END
{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "fake-$i", "namespace": "other"}, "spec": {"template": {"spec": {
 "restartPolicy": "Never", "nodeSelector": {"type": "kwok"}, "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
 "containers": [{"name": "main", "image": "any"}]}}}}
END
  done | kubectl create -f -
  eventually complete 20
}

complete() { [[ $(kubectl -n other get jobs --no-headers | grep -c Complete) == "$1" ]]; }

# --- what is left of one ---

# The numbers of the processes whose command line has TEXT. It comes by a file: grep's own command line is not to have it.
processes_with() { # TEXT
  grep -lsF -f <(printf '%s\n' "$1") /proc/[0-9]*/cmdline | cut -d/ -f3
}

no_processes() { [[ -z $(processes_with "$DIR") ]]; }

# shellcheck disable=SC2046 # several folders
cgroups_left() { find $(cgroup_roots) -maxdepth 1 -name "$CGROUP" | grep .; }

machine_state() {
  ls -A /run
  ip link show "$LINK" 2>/dev/null || :
  sysctl -n net.ipv4.ip_forward vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops
}

# The kernel removes the interfaces of a network namespace some time after its last process.
nothing_left() { # POD_SUBNET
  no_processes &&
    not cgroups_left &&
    not grep -F -- "$DIR" /proc/self/mountinfo &&
    not grep -F -- "$1." <(ip address; ip route) &&
    diff "$work/before" <(machine_state)
}

# shellcheck source=/dev/null
pod_subnet() { (. "$DIR/settings" && printf %s "$POD_SUBNET"); }

up_changes_nothing() {
  local before
  before=$(<"$DIR/node.pid")
  says 'already up and healthy' "$here/up.sh"
  [[ $(<"$DIR/node.pid") == "$before" ]]
}

two_at_once() {
  local first second
  "$here/up.sh" & first=$!
  "$here/up.sh" & second=$!
  wait "$first"
  wait "$second"
  [[ $(comm -12 <(processes_with "$DIR" | sort) <(processes_with kill-child=SIGKILL | sort) | wc -l) == 1 ]]
}

kill_kubelet() {
  kill -KILL "$(processes_with "$DIR/bin/kubelet")"
}

# As a container runtime does for a moment: what is frozen in a v1 hierarchy outlives its being killed.
freeze_pods() {
  local state
  [[ -d /sys/fs/cgroup/freezer ]] || return 0
  state=$(find "/sys/fs/cgroup/freezer/$CGROUP" -path '*/kubepods*' -name freezer.state | sed -n 1p)
  echo FROZEN >"$state"
}

kill_outer() {
  freeze_pods
  kill -KILL "$(outer_pid)"
  eventually no_processes
}

use one
machine_state >"$work/before"
check 'kubeconfig.sh: exit 1 when nothing is up' exits 1 "$here/kubeconfig.sh"
check 'up.sh: exit 69 without Go' exits 69 env PATH=/nowhere:/usr/bin:/bin "$here/up.sh"
check 'up.sh: exit 69 for other users than root' exits 69 setpriv --reuid 65534 --clear-groups bash "$here/up.sh"
check 'two up.sh at once end with one cluster' two_at_once
check 'up.sh again changes nothing' up_changes_nothing
check 'kubeconfig.sh tells where it is' says "$work/one/admin.kubeconfig" "$here/kubeconfig.sh"
check 'a restricted Job runs with its NFS volume' job_over_nfs
check 'its file, logs and exec are there' job_is_seen
check 'its exit code is read back' job_ends
check 'a folder that is not there cannot be mounted' mount_fails
check 'an image that is not there is refused at once' image_is_refused
check 'service account tokens are given' kubectl create token default
check 'scale.sh 10: fake nodes' "$here/scale.sh" 10
check '20 Jobs complete on them' jobs_on_fake_nodes
check 'scale.sh 3: fewer' "$here/scale.sh" 3
check 'three are left' fake_nodes 3
use two
check 'a second cluster beside it' "$here/up.sh"
check 'the second is healthy' is_healthy
check 'kill -9 of its kubelet' kill_kubelet
check 'up.sh starts over' "$here/up.sh"
check 'it is healthy again' is_healthy
subnet_two=$(pod_subnet)
check 'down.sh --purge of the second' "$here/down.sh" --purge
check 'nothing is left of it' eventually nothing_left "$subnet_two"
check 'not even its run folder' not test -e "$DIR"
use one
check 'the first is healthy still' is_healthy
check 'scale.sh 0' "$here/scale.sh" 0
check 'no fake node is left' fake_nodes 0
subnet_one=$(pod_subnet)
check 'kill -9 of the outer process, with pods frozen, takes all down' kill_outer
check 'up.sh after that' "$here/up.sh"
check 'an empty new cluster' not kubectl get namespace other
check 'down.sh' "$here/down.sh"
check 'nothing is left of the first' eventually nothing_left "$subnet_one"
check 'down.sh again' "$here/down.sh"
echo "$passed passed, $failed failed"
((failed == 0))
