#!/usr/bin/env bash
# up.sh: starts this checkout's one-node Kubernetes, unless it is up. Exit 69: cannot be had on this machine.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

set -E
trap 'printf "cluster: line %s of %s failed: %s\n" "$LINENO" "${BASH_SOURCE[0]##*/}" "$BASH_COMMAND" >&2' ERR

already_up() {
  say "already up and healthy: KUBECONFIG=$DIR/admin.kubeconfig"
  exit 0
}

# --- what is needed ---

missing_packages() {
  local program
  while read -r program package; do
    command -v "$program" >/dev/null || printf '%s\n' "$package"
  done <<END
containerd containerd
crun crun
busybox busybox-static
bash-static bash-static
jq jq
openssl openssl
ip iproute2
unshare util-linux
mount mount
END
  cni_folder >/dev/null || printf '%s\n' containernetworking-plugins
}

cni_folder() {
  local folder
  for folder in /usr/lib/cni /opt/cni/bin /usr/libexec/cni; do
    [[ ! -x $folder/ptp || ! -x $folder/host-local ]] || { printf %s "$folder"; return 0; }
  done
  return 1
}

install_packages() {
  local packages
  mapfile -t packages < <(missing_packages)
  ((${#packages[@]})) || return 0
  command -v apt-get >/dev/null || unavailable "there is no apt-get to install what is missing: ${packages[*]}."
  say "installing ${packages[*]}"
  mkdir -p "$CACHE"
  (
    exec 8>>"$CACHE/apt.lock"
    flock 8
    export DEBIAN_FRONTEND=noninteractive
    # Without this, installing containerd starts the machine's own.
    if [[ ! -e /usr/sbin/policy-rc.d ]]; then
      trap 'rm -f /usr/sbin/policy-rc.d' EXIT
      printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
      chmod +x /usr/sbin/policy-rc.d
    fi
    apt-get -qq -o DPkg::Lock::Timeout=120 update >&2
    apt-get -qq -o DPkg::Lock::Timeout=120 install --no-install-recommends "${packages[@]}" >&2
    if [[ " ${packages[*]} " == *' containerd '* && -d /run/systemd/system ]]; then
      systemctl --quiet disable --now containerd
    fi
  ) >"$DIR/apt.log" 2>&1 || { tail -n 5 "$DIR/apt.log" >&2; unavailable "these packages could not be installed: ${packages[*]}."; }
}

# --- settings ---

# Below the range that the kernel gives to outgoing connections.
free_ports() {
  local count=$1 port used
  used=" $(awk 'FNR > 1 { split($2, a, ":"); print a[2] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null | tr '\n' ' ') "
  while ((count)); do
    port=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
    [[ $used != *" $(printf %04X "$port") "* ]] || continue
    used+="$(printf %04X "$port") "
    printf '%s\n' "$port"
    count=$((count - 1))
  done
}

# A /24 that no route of this machine has anything to do with.
free_subnet() {
  local subnet
  while :; do
    subnet=10.$((64 + RANDOM % 128)).$((RANDOM % 256))
    [[ -z $(ip -4 route show root "$subnet.0/24") ]] && break
  done
  printf %s "$subnet"
}

# The kubelet takes no loopback address: another of the machine, or that of an interface made for it (pods need veth anyway).
node_ip() {
  local address
  address=$(ip -4 -o address show up scope global | awk '$2 !~ /^(veth|gk8s-|docker|br-)/ && !found++ { sub("/.*", "", $4); print $4 }')
  if [[ -z $address ]]; then
    address=$1.254
    ip link add "$LINK" type veth peer name "gk8p-$ID"
    ip address add "$address/32" dev "$LINK"
    ip link set "$LINK" up
    ip link set "gk8p-$ID" up
  fi
  printf %s "$address"
}

nfs_kind() {
  if [[ ${GASW_K8S_CLUSTER_NFS:-helper} == kernel ]]; then
    grep -qw nfs /proc/filesystems || unavailable "GASW_K8S_CLUSTER_NFS=kernel, and this kernel has no NFS client loaded."
    [[ -x /sbin/mount.nfs ]] || unavailable "GASW_K8S_CLUSTER_NFS=kernel, and there is no mount.nfs (package nfs-common)."
    printf kernel
  else
    printf helper
  fi
}

write_settings() {
  local ports subnet
  mapfile -t ports < <(free_ports 4)
  subnet=$(free_subnet)
  API_PORT=${ports[0]} ETCD_PORT=${ports[1]} ETCD_PEER_PORT=${ports[2]} KUBELET_PORT=${ports[3]}
  NFS=$(nfs_kind)
  NODE_IP=$(node_ip "$subnet")
  CNI_FOLDER=$(cni_folder)
  POD_SUBNET=$subnet SNAPSHOTTER=overlayfs
  [[ $(stat -f -c %T "$DIR") != overlayfs ]] || SNAPSHOTTER=native # no overlay on an overlay
  declare -p API_PORT ETCD_PORT ETCD_PEER_PORT KUBELET_PORT POD_SUBNET NODE_IP NFS CNI_FOLDER SNAPSHOTTER >"$DIR/settings"
}

# --- files ---

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

# certificate NAME SUBJECT [ADDRESSES]
certificate() {
  local name=$DIR/pki/$1 subject=$2 addresses=${3:-DNS:localhost}
  new_key "$name.key"
  openssl req -new -key "$name.key" -subj "$subject" 2>/dev/null |
    openssl x509 -req -CA "$DIR/pki/ca.crt" -CAkey "$DIR/pki/ca.key" -set_serial "0x$(openssl rand -hex 8)" -days 3650 \
      -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$addresses") -out "$name.crt" 2>/dev/null
}

write_keys() {
  new_key "$DIR/pki/ca.key"
  openssl req -x509 -new -key "$DIR/pki/ca.key" -days 3650 -subj "/CN=$CGROUP" -out "$DIR/pki/ca.crt"
  openssl genrsa -out "$DIR/pki/sa.key" 2048 2>/dev/null
  certificate etcd /CN=etcd DNS:localhost,IP:127.0.0.1
  certificate apiserver /O=system:masters/CN=kube-apiserver \
    DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1
  certificate kubelet "/O=system:nodes/CN=system:node:$NODE" "DNS:$NODE,DNS:localhost,IP:127.0.0.1,IP:$NODE_IP"
  certificate admin /O=system:masters/CN=admin
  certificate controller-manager /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
}

write_kubeconfig() { # NAME, which is its certificate's too
  cat >"$DIR/$1.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters:
- name: gasw-k8s
  cluster:
    server: https://127.0.0.1:$API_PORT
    certificate-authority-data: $(base64 -w0 "$DIR/pki/ca.crt")
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w0 "$DIR/pki/$1.crt")
    client-key-data: $(base64 -w0 "$DIR/pki/$1.key")
contexts:
- name: gasw-k8s
  context: {cluster: gasw-k8s, user: $1}
current-context: gasw-k8s
END
}

# crun: a container costs it a third of runc's processor time. restrict_oom_score_adj: root without CAP_SYS_RESOURCE could start no container otherwise.
write_containerd_config() {
  cat >"$DIR/containerd.toml" <<END
version = 2
root = "$DIR/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "$CONTAINERD_SOCKET"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/gasw-k8s/pause:1"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$CNI_FOLDER"
    conf_dir = "$DIR/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$SNAPSHOTTER"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "crun"
END
}

# ptp: no bridge and no iptables rule; a pod's interface goes with the pod. There is no way out of the machine.
write_cni_config() {
  cat >"$DIR/cni/10-ptp.conflist" <<END
{"cniVersion": "0.4.0", "name": "gasw-k8s", "plugins": [{"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local",
 "dataDir": "$DIR/ipam", "ranges": [[{"subnet": "$POD_SUBNET.0/24", "rangeEnd": "$POD_SUBNET.250"}]],
 "routes": [{"dst": "0.0.0.0/0"}]}}]}
END
}

# There is no cluster DNS: looking up a name in a pod fails at once, and the kubelet does not warn about it.
write_kubelet_config() {
  cat /etc/resolv.conf >"$DIR/resolv.conf" 2>/dev/null || :
  cat >"$DIR/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
port: $KUBELET_PORT
healthzPort: 0
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: "$DIR/pki/ca.crt"}}
authorization: {mode: Webhook}
tlsCertFile: "$DIR/pki/kubelet.crt"
tlsPrivateKeyFile: "$DIR/pki/kubelet.key"
containerRuntimeEndpoint: unix://$CONTAINERD_SOCKET
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failCgroupV1: false
failSwapOn: false
makeIPTablesUtilChains: false
oomScoreAdj: 0
resolvConf: "$DIR/resolv.conf"
clusterDNS: [127.0.0.1]
podLogsDir: "$DIR/podlogs"
volumePluginDir: "$DIR/kubelet/volume-plugins"
maxPods: 110
kubeAPIQPS: 500
kubeAPIBurst: 1000
registryPullQPS: 0
eventRecordQPS: 0
serializeImagePulls: false
evictionHard: {memory.available: 100Mi, nodefs.available: "1%", nodefs.inodesFree: "1%", imagefs.available: "1%"}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
END
}

prepare_run_folder() {
  local program name
  wipe_run_folder apt.log
  chmod 700 "$DIR" # it holds the keys of the cluster
  printf '*\n' >"$DIR/.gitignore"
  mkdir -p "$DIR"/{bin,cni,containerd,images,kubelet,log,pki,podlogs}
  for program in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl; do
    ln -s "$KUBE" "$DIR/bin/$program"
  done
  "$HERE/images.sh" "$DIR/images"
  write_settings
  write_keys
  for name in admin controller-manager scheduler kubelet; do write_kubeconfig "$name"; done
  write_containerd_config
  write_cni_config
  write_kubelet_config
}

# --- start ---

# Nothing of the caller's environment goes in. Ending "unshare", by whatever signal, ends everything. GOGC: the heaps are small, and to
# collect them at their fourfold instead of their double takes a third off the processor time of it all.
start_node() {
  create_cgroups
  (
    exec 9>&-
    echo "$BASHPID" >"$(daemons_cgroup)/cgroup.procs"
    exec setsid env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$DIR" \
      GASW_K8S_CLUSTER_DIR="$DIR" GOGC=400 \
      unshare --mount --pid --fork --kill-child=SIGKILL --mount-proc bash "$HERE/node.sh" "$DIR"
  ) </dev/null >"$DIR/log/node.log" 2>&1 &
  local pid=$!
  printf '%s %s\n' "$pid" "$(start_time "$pid")" >"$DIR/node.pid"
  disown
}

# Says what node.sh says until it is done.
wait_until_ready() {
  local shown=0 lines pid=$1
  while :; do
    lines=$(wc -l <"$DIR/log/node.log")
    ((lines == shown)) || sed -n "$((shown + 1)),${lines}p" "$DIR/log/node.log"
    shown=$lines
    [[ ! -e $DIR/ready ]] || return 0
    start_time "$pid" >/dev/null || { tail -n 5 "$DIR/log/node.log" >&2; return 1; }
    sleep 0.1
  done
}

if is_healthy; then already_up; fi
require_machine
require_go
[[ $DIR != /run/* && $DIR != /proc/* && $DIR != /sys/* ]] || die "the run folder $DIR cannot be there: take another."
lock
if is_healthy; then already_up; fi
stop_cluster
install_packages
KUBE=$(build_kube)
started=$SECONDS
prepare_run_folder
if [[ $NFS == helper ]]; then
  if grep -qw nfs /proc/filesystems; then
    why=" (GASW_K8S_CLUSTER_NFS=kernel takes the kernel's client, for folders that this machine exports)"
  else
    why=" (this kernel has no NFS client)"
  fi
  say "NFS: bind-mount helper$why"
else
  say "NFS: the kernel's client"
fi
start_node
if ! wait_until_ready "$(cut -d' ' -f1 "$DIR/node.pid")"; then
  stop_cluster
  die "the cluster did not start: see $DIR/log."
fi
say "up after $((SECONDS - started)) s: KUBECONFIG=$DIR/admin.kubeconfig"
