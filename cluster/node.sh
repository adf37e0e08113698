#!/usr/bin/env bash
# The init of the cluster's own mount and PID namespace, started by up.sh: runs everything, and ends it all by ending.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=/dev/null
. "$DIR/settings"

declare -A DAEMONS=()
trap 'exit 0' TERM INT

# daemon NAME COMMAND...: its output goes to log/NAME.log
daemon() {
  local name=$1
  shift
  "$@" >"$DIR/log/$name.log" 2>&1 </dev/null &
  DAEMONS[$!]=$name
}

check_daemons() {
  local pid
  for pid in "${!DAEMONS[@]}"; do
    kill -0 "$pid" 2>/dev/null || die "${DAEMONS[$pid]} died: see $DIR/log/${DAEMONS[$pid]}.log"
  done
}

# wait_for WHAT COMMAND...: until it succeeds, for three minutes: the machine may be busy, and on a quiet one it takes seconds
wait_for() {
  local what=$1 end=$((SECONDS + 180))
  shift
  until "$@" >/dev/null 2>&1; do
    check_daemons
    ((SECONDS < end)) || die "$what did not come within three minutes: see $DIR/log"
    sleep 0.2
  done
  say "$what (${SECONDS} s)"
}

# Programs with fixed places for their things get empty ones that only this namespace sees.
private_folders() {
  local folder
  mount -n -t tmpfs -o mode=755 gasw-k8s /run # -n: otherwise mount(8) keeps notes, in the machine's /run
  for folder in /var/lib/kubelet /var/lib/cni /var/log/containers; do
    mkdir -p "$folder"
    mount -t tmpfs -o mode=755 gasw-k8s "$folder"
  done
}

# crun works with one version of cgroups: where a machine has both, the controllers are in the first.
one_cgroup_version() {
  ! mountpoint -q /sys/fs/cgroup/unified || umount -n /sys/fs/cgroup/unified
}

# The kubelet and the CNI plugin would set these for the whole machine: they are shown that all is as they want it.
pretend_sysctls() {
  local setting name
  mkdir /run/sysctl
  for setting in net/ipv4/ip_forward=1 vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    name=/run/sysctl/${setting//\//.}
    printf '%s\n' "${setting#*=}" >"$name"
    [[ ! -e /proc/sys/${setting%=*} ]] || mount --bind "$name" "/proc/sys/${setting%=*}"
  done
}

# mount(8) looks for mount.nfs in /sbin: a layer over it that only this namespace sees.
nfs_helper() {
  [[ $NFS == helper ]] || return 0
  local sbin
  sbin=$(realpath /sbin)
  mkdir -p /run/sbin/{upper,work}
  install "$HERE/mount.nfs" /run/sbin/upper/mount.nfs
  ln -s mount.nfs /run/sbin/upper/mount.nfs4
  mount -t overlay -o "lowerdir=$sbin,upperdir=/run/sbin/upper,workdir=/run/sbin/work" gasw-k8s "$sbin"
}

start_etcd() {
  local client=https://127.0.0.1:$ETCD_PORT peer=https://127.0.0.1:$ETCD_PEER_PORT pki=$DIR/pki
  daemon etcd "$DIR/bin/etcd" --data-dir "$DIR/etcd" --unsafe-no-fsync --log-level warn --quota-backend-bytes 4294967296 \
    --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" \
    --client-cert-auth --trusted-ca-file "$pki/ca.crt" --cert-file "$pki/etcd.crt" --key-file "$pki/etcd.key" \
    --peer-client-cert-auth --peer-trusted-ca-file "$pki/ca.crt" --peer-cert-file "$pki/etcd.crt" --peer-key-file "$pki/etcd.key"
}

start_apiserver() {
  local pki=$DIR/pki
  daemon kube-apiserver "$DIR/bin/kube-apiserver" --bind-address=127.0.0.1 --secure-port="$API_PORT" \
    --advertise-address=127.0.0.1 --endpoint-reconciler-type=none --service-cluster-ip-range=10.96.0.0/16 \
    --etcd-servers="https://127.0.0.1:$ETCD_PORT" --etcd-cafile="$pki/ca.crt" \
    --etcd-certfile="$pki/apiserver.crt" --etcd-keyfile="$pki/apiserver.key" \
    --cert-dir="$pki" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --client-ca-file="$pki/ca.crt" --authorization-mode=Node,RBAC --allow-privileged \
    --service-account-issuer=https://kubernetes.default \
    --service-account-signing-key-file="$pki/sa.key" --service-account-key-file="$pki/sa.key" \
    --kubelet-client-certificate="$pki/apiserver.crt" --kubelet-client-key="$pki/apiserver.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --max-requests-inflight=1600 --max-mutating-requests-inflight=800
}

# The request rates and the number of syncs are for thousands of Jobs.
start_controllers() {
  local config=$DIR/controller-manager.kubeconfig
  daemon kube-controller-manager "$DIR/bin/kube-controller-manager" --kubeconfig="$config" \
    --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
    --use-service-account-credentials --service-account-private-key-file="$DIR/pki/sa.key" \
    --root-ca-file="$DIR/pki/ca.crt" --leader-elect=false --secure-port=0 --kube-api-qps=1000 --kube-api-burst=2000 \
    --flex-volume-plugin-dir="$DIR/kubelet/volume-plugins" --concurrent-job-syncs=50 --concurrent-ttl-after-finished-syncs=20
  config=$DIR/scheduler.kubeconfig
  daemon kube-scheduler "$DIR/bin/kube-scheduler" --kubeconfig="$config" \
    --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
    --leader-elect=false --secure-port=0 --kube-api-qps=1000 --kube-api-burst=2000
}

import_images() {
  local archive
  for archive in "$DIR"/images/*.tar; do
    ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io images import --snapshotter "$SNAPSHOTTER" "$archive" >/dev/null
  done
}

start_everything() {
  say "Kubernetes in $DIR, API at 127.0.0.1:$API_PORT"
  daemon containerd containerd --config "$DIR/containerd.toml"
  start_etcd
  start_apiserver
  wait_for "containerd answers" ctr --address "$CONTAINERD_SOCKET" version
  import_images
  say "images imported (${SECONDS} s)"
  wait_for "API server ready" kubectl get --raw /readyz
  start_controllers
  daemon kubelet "$DIR/bin/kubelet" --config="$DIR/kubelet.yaml" --kubeconfig="$DIR/kubelet.kubeconfig" \
    --root-dir="$DIR/kubelet" --hostname-override="$NODE" --node-ip="$NODE_IP"
  wait_for "node registered" kubectl get node "$NODE"
  wait_for "node ready" kubectl wait --for=condition=Ready "node/$NODE" --timeout=1s
  wait_for "default service account there" kubectl get serviceaccount default
}

mount -n --make-rshared / # of this namespace: pods may ask for mounts to reach them
private_folders
one_cgroup_version
pretend_sysctls
nfs_helper
start_everything
touch "$DIR/ready"

# None of them may be missing: the cluster ends with the first that does.
wait -n -p dead "${!DAEMONS[@]}" || :
die "${DAEMONS[$dead]} died: the cluster ends. See $DIR/log/${DAEMONS[$dead]}.log"
