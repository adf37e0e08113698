#!/usr/bin/env bash
# kind.sh: makes a kind cluster for the tests, unless it is there, and prints the variables that name it (use with eval).
# Untested: it could not be tried where this project was built, since no container engine runs there.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

name=gasw-k8s
kubeconfig=$DIR/kind.kubeconfig
workflows=/tmp/gasw-k8s-kind
for program in kind docker kubectl busybox bash-static jq; do
  command -v "$program" >/dev/null || unavailable "$program is missing, which the kind cluster or the images of its tests need."
done
mkdir -p "$DIR/images" "$workflows"
if ! kind get clusters 2>/dev/null | grep -x "$name" >/dev/null; then
  kind create cluster --name "$name" --kubeconfig "$kubeconfig" --config - >&2 <<END
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
  - role: control-plane
    extraMounts:
      - { hostPath: $workflows, containerPath: $workflows }
END
fi
# Every time: what made the cluster may have been cut off before this.
docker cp "$HERE/mount.nfs" "$name-control-plane:/sbin/mount.nfs" >&2
"$HERE/images.sh" "$DIR/images" >&2
for image in bash tools; do kind load image-archive --name "$name" "$DIR/images/$image.tar" >&2; done
kind export kubeconfig --name "$name" --kubeconfig "$kubeconfig" >&2
printf 'export GASW_K8S_TEST_KUBECONFIG=%q GASW_K8S_TEST_WORKFLOWS=%q\n' "$kubeconfig" "$workflows"
