#!/usr/bin/env bash
# images.sh FOLDER: makes the images that pods of this cluster use, each a docker-archive FOLDER/NAME.tar.
# There is no registry: they are put together from programs of this machine.
set -euo pipefail

out=$1
work=$(mktemp -d "$out/images.XXXXXX")
trap 'rm -rf "$work"' EXIT

# copy_program ROOT PROGRAM: with the shared libraries it needs, if any.
copy_program() {
  local root=$1 program=$2 library
  install -D "$program" "$root/bin/${program##*/}"
  while read -r library; do
    install -D "$library" "$root$library"
  done < <(ldd "$program" 2>/dev/null | grep -oE '/[^ ]+')
}

# archive NAME ROOT COMMAND(JSON)
archive() {
  local name=$1 root=$2 command=$3 parts=$work/$1.parts sum
  mkdir "$parts"
  tar --owner=0 --group=0 --numeric-owner --sort=name --mtime=@0 -C "$root" -cf "$parts/layer.tar" .
  sum=$(sha256sum "$parts/layer.tar" | cut -d' ' -f1)
  cat >"$parts/config.json" <<END
{"architecture":"$architecture","os":"linux","created":"1970-01-01T00:00:00Z",
 "config":{"Env":["PATH=/bin:/usr/bin:/sbin:/usr/sbin"],"WorkingDir":"/","Cmd":$command},
 "rootfs":{"type":"layers","diff_ids":["sha256:$sum"]},"history":[{"created_by":"images.sh"}]}
END
  printf '[{"Config":"config.json","RepoTags":["localhost/gasw-k8s/%s:1"],"Layers":["layer.tar"]}]\n' "$name" >"$parts/manifest.json"
  tar -C "$parts" -cf "$out/$name.tar" manifest.json config.json layer.tar
}

# What holds a pod's namespaces: it only has to wait.
pause_image() {
  local root=$work/pause
  mkdir -p "$root/bin"
  if printf '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n' |
    gcc -static -Os -x c -o "$root/bin/pause" - 2>/dev/null; then
    archive pause "$root" '["/bin/pause"]'
  else
    copy_program "$root" "$(command -v busybox)"
    archive pause "$root" '["/bin/busybox","sleep","2147483647"]'
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

case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) architecture=$(uname -m) ;;
esac

pause_image
shell_root "$work/bash"
archive bash "$work/bash" '["/bin/bash"]'
cp -a "$work/bash" "$work/tools"
rm "$work/tools/bin/jq" 2>/dev/null || :
copy_program "$work/tools" "$(command -v jq)"
archive tools "$work/tools" '["/bin/bash"]'
