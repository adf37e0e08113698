#!/usr/bin/env bash
# images.sh FOLDER: makes the images that pods of this cluster use, each a docker-archive FOLDER/NAME.tar.
# There is no registry: they are put together from programs of this machine.
set -euo pipefail

out=$1
work=$(mktemp -d "$out/images.XXXXXX")
trap 'rm -rf "$work"' EXIT

# shellcheck source=archive.sh
. "$(dirname "${BASH_SOURCE[0]}")/archive.sh"

# image NAME ROOT COMMAND(JSON)
image() { archive "$out/$1.tar" "localhost/gasw-k8s/$1:1" "$2" "\"Cmd\":$3"; }

# What holds a pod's namespaces: it only has to wait.
pause_image() {
  local root=$work/pause
  mkdir -p "$root/bin"
  if printf '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n' |
    gcc -static -Os -x c -o "$root/bin/pause" - 2>/dev/null; then
    image pause "$root" '["/bin/pause"]'
  else
    copy_program "$root" "$(command -v busybox)"
    image pause "$root" '["/bin/busybox","sleep","2147483647"]'
  fi
}

# shell_root ROOT: bash, and busybox under all of its names.
shell_root() {
  local root=$1 applet
  mkdir -p "$root"/{bin,etc,tmp,usr/bin,proc,sys,dev}
  chmod 1777 "$root/tmp"
  copy_program "$root" "$(command -v busybox)"
  for applet in $(busybox --list | grep -vxE 'busybox|bash|sh'); do ln -s busybox "$root/bin/$applet"; done
  install -D "$(command -v bash-static)" "$root/bin/bash"
  ln -s bash "$root/bin/sh"
  ln -s ../../bin/env "$root/usr/bin/env"
  printf 'root:x:0:0:root:/:/bin/bash\nnobody:x:65534:65534:nobody:/tmp:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
}

pause_image
shell_root "$work/bash"
image bash "$work/bash" '["/bin/bash"]'
cp -a "$work/bash" "$work/tools"
rm "$work/tools/bin/jq" 2>/dev/null || :
copy_program "$work/tools" "$(command -v jq)"
image tools "$work/tools" '["/bin/bash"]'
