# Makes images without a container engine or a registry, from programs of this machine. Sourced.
# shellcheck shell=bash

# copy_program ROOT PROGRAM: into its /bin, with the shared libraries it needs, if any.
copy_program() {
  local root=$1 program=$2 library
  install -D "$program" "$root/bin/${program##*/}"
  while read -r library; do
    install -D "$library" "$root$library"
  done < <(ldd "$program" 2>/dev/null | grep -oE '/[^ ]+')
}

# archive FILE NAME ROOT CONFIG [PATH]: a docker-archive of an image of one layer; CONFIG: members of its configuration, in JSON.
archive() {
  local file=$1 name=$2 root=$3 config=$4 path=${5:-/bin:/usr/bin:/sbin:/usr/sbin} parts sum architecture
  case $(uname -m) in
    x86_64) architecture=amd64 ;;
    aarch64) architecture=arm64 ;;
    *) architecture=$(uname -m) ;;
  esac
  parts=$(mktemp -d "${file%/*}/parts.XXXXXX")
  tar --owner=0 --group=0 --numeric-owner --sort=name --mtime=@0 -C "$root" -cf "$parts/layer.tar" .
  sum=$(sha256sum "$parts/layer.tar" | cut -d' ' -f1)
  cat >"$parts/config.json" <<END
{"architecture":"$architecture","os":"linux","created":"1970-01-01T00:00:00Z",
 "config":{"Env":["PATH=$path"],"WorkingDir":"/",$config},
 "rootfs":{"type":"layers","diff_ids":["sha256:$sum"]},"history":[{"created_by":"${0##*/}"}]}
END
  printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]\n' "$name" >"$parts/manifest.json"
  tar -C "$parts" -cf "$file" manifest.json config.json layer.tar
  rm -r "$parts"
}
