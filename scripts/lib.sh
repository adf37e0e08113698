# Shared by the scripts here: what is kept between runs, and the cluster that the demo and the tests run on. Sourced from the checkout's root.
# shellcheck shell=bash

mkdir -p .cache

# prebuild-install, which better-sqlite3 installs itself with, looks here before the module is compiled.
PREBUILDS=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/gasw-k8s/prebuilds/$(uname -m)-$(getconf GNU_LIBC_VERSION 2>/dev/null | tr ' ' - || uname -s)
export npm_config_better_sqlite3_local_prebuilds=$PREBUILDS

# What has passed, by the content of what it guards: kept where CI keeps caches.
# shellcheck disable=SC2034 # used by test.sh
PASSED=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/gasw-k8s/passed

# Keeps the SQLite module that was compiled, under the name that its package asks for.
keep_prebuild() {
  local archive draft
  # shellcheck disable=SC2016 # a template of JavaScript
  archive=$(node -p '`better-sqlite3-v${require("./node_modules/better-sqlite3/package.json").version}-node-v${process.versions.modules}-${process.platform}-${process.arch}.tar.gz`')
  [[ ! -e $PREBUILDS/$archive ]] || return 0
  mkdir -p "$PREBUILDS"
  # Another run must not find half an archive.
  draft=$(mktemp "$PREBUILDS/draft.XXXXXX")
  tar --create --gzip --file "$draft" --directory node_modules/better-sqlite3 build/Release/better_sqlite3.node
  mv "$draft" "$PREBUILDS/$archive"
}

# Says that a test run brought the cluster up, so that the last one out takes it down.
started=.cache/cluster-started-by-tests

# Whether a cluster is named in the environment. The person's current context never counts.
is_cluster_named() { [[ -n ${GASW_K8S_TEST_KUBECONFIG:-}${GASW_K8S_TEST_CONTEXT:-} ]]; }

# Makes sure of the cluster: the one that is named, else kind's where kind can run, else the project's own, which is held until release_cluster.
choose_cluster() {
  is_cluster_named && return
  if command -v kind >/dev/null && docker info >/dev/null 2>&1; then
    choose_kind
  else
    # The cluster is shared by all runs in this checkout: nobody takes it down while another one holds it.
    exec 8>.cache/cluster-users.lock
    flock -s 8
    if [[ ${1:-} == test ]] && ! bash cluster/kubeconfig.sh >/dev/null 2>&1; then touch "$started"; fi
    # The cluster's processes outlive this script: they must not hold its lock.
    bash cluster/up.sh 8>&- >&2 </dev/null
  fi
}

# What kind.sh prints are the variables that name its cluster.
choose_kind() {
  local variables
  variables=$(bash cluster/kind.sh) || return
  eval "$(grep '^export GASW_K8S_TEST_' <<<"$variables")"
}

# Takes the cluster down where a test run has brought it up and nobody else holds it.
release_cluster() {
  [[ -e /proc/$BASHPID/fd/8 ]] || return 0
  if [[ -e $started ]] && flock -xn 8; then
    rm -f "$started"
    bash cluster/down.sh 8>&- >&2
  fi
  exec 8>&-
}

# The kubeconfig of the chosen cluster.
cluster_kubeconfig() {
  if [[ -n ${GASW_K8S_TEST_KUBECONFIG:-} ]]; then
    printf %s "$GASW_K8S_TEST_KUBECONFIG"
  elif [[ -n ${GASW_K8S_TEST_CONTEXT:-} ]]; then
    printf %s "${KUBECONFIG:-$HOME/.kube/config}"
  else
    bash cluster/kubeconfig.sh
  fi
}
