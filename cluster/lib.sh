# Shared by every script here: where things are, messages, is the cluster up, stopping it, building its programs.
# shellcheck shell=bash disable=SC2015,SC2034,SC2046,SC2086
shopt -s inherit_errexit

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
DIR=$(realpath -m "${GASW_K8S_CLUSTER_DIR:-$HERE/../.cluster}")
CACHE=$(realpath -m "${GASW_K8S_CLUSTER_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/gasw-k8s/cluster}")
ID=$(printf %s "$DIR" | sha256sum | cut -c1-8)
CGROUP=gasw-k8s-$ID      # below the root of every cgroup hierarchy
LINK=gk8s-$ID            # an interface made only where the machine has no address of its own
NODE=node1
CONTAINERD_SOCKET=/run/containerd/containerd.sock # in the namespace's own /run
EXIT_UNAVAILABLE=69

say() { printf 'cluster: %s\n' "$*"; }
die() { printf 'cluster: %s\n' "$*" >&2; exit 1; }
unavailable() { printf 'cluster: %s\n' "$*" >&2; exit "$EXIT_UNAVAILABLE"; }

require_machine() {
  [[ $(uname -s) == Linux ]] || unavailable "this needs Linux, and this machine runs $(uname -s)."
  ((EUID == 0)) || unavailable "this needs root (namespaces, cgroups and containers are made)."
}

require_go() {
  local version
  command -v go >/dev/null || unavailable "Go 1.24 or newer is missing: Kubernetes is built from its Go modules."
  version=$(GOTOOLCHAIN=local go env GOVERSION)
  [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 24)) ||
    unavailable "Go 1.24 or newer is needed to build Kubernetes, and this is $version."
}

# One change of a run folder at a time. The file may be removed (down.sh --purge) while another waits for it: look again.
lock() {
  while :; do
    mkdir -p "$DIR"
    exec 9>>"$DIR/lock"
    flock --nonblock 9 || { say "waiting for another change of $DIR to end"; flock 9; }
    [[ $DIR/lock -ef /proc/$$/fd/9 ]] && return
  done
}

kubectl() { "$DIR/bin/kubectl" --kubeconfig "$DIR/admin.kubeconfig" "$@"; }

start_time() { # of process $1, in ticks since boot: tells a process from a later one with the same number
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  set -- ${stat##*) }
  [[ $1 != Z ]] && printf %s "${20}"
}

# The outer process (unshare) of a living cluster of this run folder.
outer_pid() {
  local pid started
  read -r pid started 2>/dev/null <"$DIR/node.pid" || return 1
  [[ $(start_time "$pid") == "$started" ]] || return 1
  grep -zqxF -- "$DIR" "/proc/$pid/cmdline" 2>/dev/null || return 1
  printf %s "$pid"
}

# The init of the namespace, as seen from outside: the only child of the outer process.
init_pid() {
  local outer children
  outer=$(outer_pid) || return 1
  read -r children 2>/dev/null <"/proc/$outer/task/$outer/children" || [[ -n ${children:-} ]] || return 1
  printf %s "${children%% *}"
}

is_up() { [[ -e $DIR/ready ]] && outer_pid >/dev/null; }

# One request that goes through the API server to the kubelet tells about both (node.sh watches over the others). What is broken refuses
# at once; what is only slow, on a busy machine, must not be taken for broken and started over under those who use it.
is_healthy() {
  is_up && [[ $(kubectl --request-timeout=20s get --raw "/api/v1/nodes/$NODE/proxy/healthz" 2>/dev/null) == ok ]]
}

in_namespace() { nsenter --target "$(init_pid)" --mount --pid -- "$@"; }

# --- cgroups ---

cgroup_roots() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts | sort -u; }

cgroup_is_v2() { [[ -e /sys/fs/cgroup/cgroup.controllers ]]; }

# The daemons' own group: only for knowing what is ours, so on v1 one hierarchy without limits is enough.
daemons_cgroup() {
  if cgroup_is_v2; then printf %s "/sys/fs/cgroup/$CGROUP/daemons"; else printf %s "/sys/fs/cgroup/freezer/$CGROUP/daemons"; fi
}

create_cgroups() {
  local root file controller
  for root in $(cgroup_roots); do
    mkdir -p "$root/$CGROUP"
    if [[ -e $root/cpuset.cpus && -e $root/cpuset.mems ]]; then # v1: a new cpuset is empty and accepts no process
      for file in cpuset.cpus cpuset.mems; do cat "$root/$file" >"$root/$CGROUP/$file"; done
    fi
  done
  mkdir -p "$(daemons_cgroup)"
  cgroup_is_v2 || return 0
  for controller in cpu cpuset io memory pids hugetlb; do # what the kubelet looks for in its root group
    echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
  done 2>/dev/null || :
}

cgroup_processes() {
  local root
  for root in $(cgroup_roots); do
    [[ ! -d $root/$CGROUP ]] || find "$root/$CGROUP" -name cgroup.procs -exec cat {} + 2>/dev/null || :
  done | sort -un
}

# Nothing that is frozen can be killed in a v1 hierarchy, and a container runtime may have been killed between freezing and thawing.
thaw() { find /sys/fs/cgroup/freezer/"$CGROUP" -name freezer.state -exec sh -c 'echo THAWED >"$1"' sh {} \; 2>/dev/null || :; }

# Whatever is in our groups is ours by construction, wherever its parent went. A killed process goes when its writes to the disk are done.
remove_cgroups() {
  local root pid try left
  for try in {1..600}; do
    left=
    thaw
    for pid in $(cgroup_processes); do kill -KILL "$pid" 2>/dev/null || :; done
    for root in $(cgroup_roots); do
      [[ -d $root/$CGROUP ]] || continue
      find "$root/$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || :
      [[ ! -d $root/$CGROUP ]] || left=$root/$CGROUP
    done
    [[ -n $left ]] || return 0
    sleep 0.1
  done
  die "the cgroup $left could not be removed; in it are the processes $(cgroup_processes | paste -sd' ')."
}

# --- stopping ---

# The end of the namespace's init ends every process in it, and with them their mounts and network namespaces.
stop_cluster() {
  local outer init try
  rm -f "$DIR/ready"
  if outer=$(outer_pid); then
    init=$(init_pid) && kill -TERM "$init" 2>/dev/null || :
    for try in {1..100}; do
      outer_pid >/dev/null || break
      ((try != 50)) || kill -KILL ${init:-} "$outer" 2>/dev/null || :
      sleep 0.1
    done
  fi
  rm -f "$DIR/node.pid"
  remove_cgroups
  if ip link show "$LINK" >/dev/null 2>&1; then ip link delete "$LINK"; fi
}

# Empties the run folder but for its lock, and for "$1" if given. Never across a mount.
wipe_run_folder() {
  [[ -d $DIR ]] || return 0
  local keep=${1:-lock}
  if awk -v below="$DIR/" 'index($5, below) == 1 { found = 1 } END { exit !found }' /proc/self/mountinfo; then
    die "something is mounted below $DIR: unmount it first."
  fi
  find "$DIR" -mindepth 1 -maxdepth 1 ! -name lock ! -name "$keep" -exec rm -rf --one-file-system {} +
}

# --- building ---

# build NAME FOLDER PACKAGE [LDFLAGS]: prints the path of the program, cached by what it is made from.
build() {
  local name=$1 folder=$HERE/$2 package=$3 ldflags=${4:-} key out
  key=$({ cat "$folder"/go.mod "$folder"/go.sum; cat "$folder"/*.go 2>/dev/null || :
    GOTOOLCHAIN=local go env GOVERSION; } | sha256sum | cut -d' ' -f1)
  out=$CACHE/$key/$name
  if [[ ! -x $out ]]; then
    mkdir -p "$CACHE/$key"
    (
      exec 8>>"$CACHE/build.lock"
      flock --nonblock 8 || { say "waiting for another build to end" >&2; flock 8; }
      [[ -x $out ]] || compile "$name" "$folder" "$package" "-s -w $ldflags" "$out"
    ) || die "building $name failed."
  fi
  printf %s "$out"
}

compile() {
  local name=$1 folder=$2 package=$3 ldflags=$4 out=$5 log=$5.log pid next=15
  say "building $name from its Go modules (once: minutes of downloading and compiling)" >&2
  SECONDS=0
  (cd "$folder" && exec env GOTOOLCHAIN=local GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0 \
    go build -v -trimpath -ldflags "$ldflags" -o "$out.new" "$package") >"$log" 2>&1 &
  pid=$!
  trap 'kill '$pid' 2>/dev/null || :' EXIT
  while kill -0 "$pid" 2>/dev/null; do
    if ((SECONDS >= next)); then
      say "building $name: $SECONDS s, $(progress "$log")" >&2
      next=$((next + 15))
    fi
    sleep 0.5
  done
  trap - EXIT
  wait "$pid" || { tail -n 20 "$log" >&2; return 1; }
  mv "$out.new" "$out"
  say "built $name in $SECONDS s" >&2
}

progress() {
  local compiled
  compiled=$(grep -cv -e '^go: ' -e '^#' "$1" || :)
  if ((compiled)); then printf '%s packages compiled, now %s' "$compiled" "$(tail -n 1 "$1")"; else printf 'downloading modules'; fi
}

build_kube() {
  local version x=k8s.io/component-base/version
  version=$(sed -nE 's/^\t?(require )?k8s\.io\/kubernetes (v[^ ]+)$/\2/p' "$HERE/kube/go.mod")
  # The API server and the kubelet refuse to work together when their version is not set.
  build kube kube . "-X $x.gitVersion=$version -X $x.gitMajor=1 -X $x.gitMinor=$(cut -d. -f2 <<<"$version") \
    -X k8s.io/client-go/pkg/version.gitVersion=$version"
}

build_kwok() { build kwok kwok sigs.k8s.io/kwok/cmd/kwok; }
