#!/usr/bin/env bash
# try-image.sh [SCRIPT]: builds an image for jobs by the steps of deploy/job-image, in a minimal Debian, and has jobs run in it on the project's
# cluster (test/e2e/jobImage.test.ts): the probe, and a script with the steps of GASW's, which runs a Boutiques descriptor with bosh.
# SCRIPT: GASW's own (src/main/resources/script.sh of its source) in place of that one.
# try-image.sh --root FOLDER: only puts the image's files together, in FOLDER.
# Needs root; Debian's packages and PyPI, as this machine's apt-get and pip reach them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=../cluster/archive.sh
. cluster/archive.sh

SUITE=bookworm
# As Debian's own image has it.
IMAGE_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
BASES=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/gasw-k8s/job-image

# The Debian that the image is built on, once: an archive of all its files.
base_archive() {
  local archive=$BASES/$SUITE.tar draft mirror
  if [[ ! -s $archive ]]; then
    command -v debootstrap >/dev/null || bash scripts/packages.sh debootstrap
    mkdir -p "$BASES"
    draft=$(mktemp -d "$BASES/draft.XXXXXX")
    # shellcheck disable=SC2016 # apt-get's own variable
    mirror=$(apt-get indextargets --format '$(SITE)' "Codename: $SUITE" | sort -u | sed -n 1p)
    debootstrap --variant=minbase "$SUITE" "$draft/root" "$mirror" >&2
    tar -C "$draft/root" -cf "$draft/archive" .
    mv "$draft/archive" "$archive"
    rm -r "$draft"
  fi
  printf %s "$archive"
}

# build ROOT: what the Containerfile does, in a folder instead of a container
build() {
  local root=$1 settings=()
  mkdir -p "$root"
  tar -C "$root" -xf "$(base_archive)"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  install -D deploy/job-image/install.sh "$root/usr/local/share/gasw-job-image/install.sh"
  if [[ -n ${PIP_CERT:-} ]]; then
    cp "$PIP_CERT" "$root/tmp/pip.crt"
    settings+=(PIP_CERT=/tmp/pip.crt)
  fi
  if [[ -n ${PIP_INDEX_URL:-} ]]; then settings+=("PIP_INDEX_URL=$PIP_INDEX_URL"); fi
  env -i PATH=$IMAGE_PATH "${settings[@]}" \
    chroot "$root" sh /usr/local/share/gasw-job-image/install.sh >&2
  rm -rf "$root"/tmp/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb
}

# import ROOT: has the cluster's node know the image, and prints its name
import() {
  local image
  # shellcheck source=../cluster/lib.sh
  . cluster/lib.sh
  is_up || die "no cluster is up in $DIR."
  # shellcheck source=/dev/null
  . "$DIR/settings"
  image=localhost/gasw-k8s/job:$(cat deploy/job-image/* "$BASES/$SUITE.tar" | sha256sum | cut -c1-16)
  archive "$work/image.tar" "$image" "$1" '"Cmd":["/bin/bash"]' "$IMAGE_PATH"
  in_namespace ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io images import --snapshotter "$SNAPSHOTTER" "$work/image.tar" >&2
  printf '%s\n' "$image"
}

if [[ ${1:-} == --root ]]; then
  build "$2"
else
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  build "$work/root"
  image=$(import "$work/root")
  if [[ -n ${1:-} ]]; then export GASW_K8S_TEST_GASW_SCRIPT=$1; fi
  GASW_K8S_TEST_JOB_IMAGE=$image npx vitest run --project e2e test/e2e/jobImage.test.ts
fi
