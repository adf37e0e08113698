#!/usr/bin/env bash
# The first process of a job's container, in bash 4.2 and newer: bash -c THIS gasw-k8s OUT ERR SCRIPT ATTEMPT HOME WORKFLOW
#   OUT ERR SCRIPT  files of the streams, and the script; relative to the workflow directory, which is the current one
#   ATTEMPT         name of the Job
#   HOME            folder to use where HOME is not writable; empty: HOME stays what it is
#   WORKFLOW        id of the workflow, for a script that GASW generated; empty: the script runs in the workflow directory
# The job's environment is left as it is: all names of the wrapper's own begin with gasw_k8s_.
# shellcheck disable=SC2154 # the variable of the pod's uid comes from the pod

# In POSIX mode older shells have no process substitution. The script gets the mode back.
gasw_k8s_posix=$POSIXLY_CORRECT
set +o posix
gasw_k8s_directory=$PWD
gasw_k8s_uid=$GASW_K8S_POD_UID
unset GASW_K8S_POD_UID
gasw_k8s_signal=- gasw_k8s_stopped=- gasw_k8s_sent=

# A container's first process is not ended by signals that it does not handle. The script gets TERM, whatever came.
gasw_k8s_stop() {
  if [ "$gasw_k8s_signal" = - ]; then
    gasw_k8s_signal=$1
    printf -v gasw_k8s_stopped '%(%s)T' -1
  fi
  if [ "$!" ]; then gasw_k8s_tell; fi
} 2>/dev/null

# Sends TERM to the script. What has just been forked may lose a signal to the handlers that it has from here, until it has shed them; it
# is then sent again, which ends it, or finds it to be the script.
gasw_k8s_tell() {
  local forked=
  while gasw_k8s_is_forked; do
    forked=1
    kill -TERM "$!" || return 0
  done
  if kill -TERM "$!" || [ "$forked" ]; then gasw_k8s_sent=1; fi
} 2>/dev/null

# Whether the child is a copy of this shell still, which has a command (`bash -c …`) where the script's shell has a file.
gasw_k8s_is_forked() {
  local name='' option=''
  { read -r -d '' name && read -r -d '' option; } <"/proc/$!/cmdline"
  [ "$option" = -c ]
}

# TERM first. The numbers are those of the real-time signals, one of which stops systemd.
for gasw_k8s_name in TERM INT HUP QUIT ABRT USR1 USR2 ALRM VTALRM PROF STKFLT IO SYS WINCH PWR XCPU {34..64}; do
  # shellcheck disable=SC2064 # the name is that of now
  trap "gasw_k8s_stop $gasw_k8s_name" "$gasw_k8s_name"
done 2>/dev/null

# gasw_k8s_written STREAM VARIABLE: how many bytes were written to a stream, which is its position
gasw_k8s_written() {
  local key value
  while read -r key value; do
    if [ "$key" = pos: ]; then printf -v "$2" %s "$value"; fi
  done <"/proc/self/fdinfo/$1"
}

# gasw_k8s_end CODE ATTEMPT SCRIPT: ends. What the script has written beside itself comes to where GASW looks for it; then
# the record of the end is left (src/core/lifecycle/endRecord.ts), never through a link.
gasw_k8s_end() {
  local now out=0 err=0 line
  # What comes now stops nothing any more.
  gasw_k8s_stop() { :; }
  gasw_k8s_written 1 out
  gasw_k8s_written 2 err
  exec >/dev/null 2>&1
  if [ "$gasw_k8s_place" != . ] && [ -f "$gasw_k8s_place/$3.provenance.json" ] && [ ! -d "$3.provenance.json" ]; then
    mv -f -- "$gasw_k8s_place/$3.provenance.json" "./$3.provenance.json"
  fi
  printf -v now '%(%s)T' -1
  line="1 $2 $gasw_k8s_uid $1 $gasw_k8s_signal $gasw_k8s_stopped $now $out $err end"
  if [ ! -L .gasw-k8s ] && [ ! -L .gasw-k8s/end ] && [ ! -e ".gasw-k8s/end/$2.$gasw_k8s_uid" ]; then
    set -o noclobber
    printf '%s\n' "$line" >".gasw-k8s/end/$2.$gasw_k8s_uid"
    set +o noclobber
  fi
  printf '%s\n' "$line" >/dev/termination-log
  exit "$1"
}

# gasw_k8s_make_folder ATTEMPT WORKFLOW SCRIPT: makes the folder that the script runs in, with links to what it reads
gasw_k8s_make_folder() {
  local run=.gasw-k8s/run/$gasw_k8s_uid name names targets=()
  if [ ! -w . ] || [ -L .gasw-k8s ] || [ -L .gasw-k8s/run ]; then return 1; fi
  mkdir -p cache .gasw-k8s/run && mkdir "$run" "$run/$2" || return
  printf '%s\n' "$1" >"$run/.attempt" || return
  names=(config inv sh cache provenance)
  for name in *; do
    if [ -f "$name" ] && [ "$name" != "$3.provenance.json" ]; then names+=("$name"); fi
  done
  for name in "${names[@]}"; do
    if [ -e "$name" ]; then targets+=("$PWD/$name"); fi
  done
  while [ "${#targets[@]}" -gt 0 ]; do
    ln -s "${targets[@]:0:500}" "$run/$2/" || return
    targets=("${targets[@]:500}")
  done
}

# The script's shell gets this `rm`: it refuses a recursive removal of what all jobs share. A link to it may go.
rm() {
  local gasw_k8s_operand gasw_k8s_shared gasw_k8s_recursive= gasw_k8s_refused=
  {
    for gasw_k8s_operand do
      case $gasw_k8s_operand in --r* | -[rR]* | -[!-]*[rR]*) gasw_k8s_recursive=1 ;; esac
    done
    if [ "$gasw_k8s_recursive" ]; then
      for gasw_k8s_operand do
        if [ -L "$gasw_k8s_operand" ]; then continue; fi
        for gasw_k8s_shared in "$gasw_k8s_directory" "$gasw_k8s_directory"/{sh,out,err,config,inv,db,cache,provenance,.gasw-k8s}; do
          if [ "$gasw_k8s_operand" -ef "$gasw_k8s_shared" ]; then gasw_k8s_refused=$gasw_k8s_operand; fi
        done
      done
    fi
  } 2>/dev/null
  if [ "$gasw_k8s_refused" ]; then
    printf 'rm: refusing to remove %s: all jobs of the workflow share it\n' "$gasw_k8s_refused" >&2
    return 1
  fi
  command rm "$@"
}

# What the script's shell reads at its start. What it starts itself gets the BASH_ENV of the pod.
gasw_k8s_startup() {
  # shellcheck disable=SC2016 # for that shell to expand
  printf 'eval "exec ${BASH_ENV##*/}<&-"\nunset BASH_ENV\n'
  if [ "${BASH_ENV+set}" ]; then
    # shellcheck disable=SC2016 # for that shell to expand
    printf 'export BASH_ENV=%q\nif [ -r "$BASH_ENV" ]; then . "$BASH_ENV"; fi\n' "$BASH_ENV"
  fi
  printf 'gasw_k8s_directory=%q\n' "$gasw_k8s_directory"
  declare -f rm
  # A shell that begins in POSIX mode reads none of this.
  if [ "$gasw_k8s_posix" ]; then printf 'export POSIXLY_CORRECT=%q\n' "$gasw_k8s_posix"; fi
}

# gasw_k8s_run SCRIPT FOLDER: becomes the script
gasw_k8s_run() {
  cd -- "$2" || exit 23 # ERROR_CD_EXEC_DIR
  BASH_ENV=<(gasw_k8s_startup) exec bash "$1"
}

# What an earlier pod has left is kept: a queue may take a running job back, and start it again. The shorter name is for where the
# longer one is too long; what can't be moved is added to.
for gasw_k8s_name in "$1" "$2"; do
  if [ -s "$gasw_k8s_name" ]; then
    mv -f -- "$gasw_k8s_name" "$gasw_k8s_name.before.$gasw_k8s_uid" || mv -f -- "$gasw_k8s_name" "${gasw_k8s_name%/*}/$4.before.$gasw_k8s_uid"
  fi
done 2>/dev/null
gasw_k8s_place=.
exec >>"$1" 2>>"$2" || gasw_k8s_end 7 "$4" "${3##*/}" # ERROR_WRITE_LOCAL
# GASW's EXIT trap empties the current directory, which is not always the folder that it made for itself.
if [ "$6" ]; then
  gasw_k8s_place=.gasw-k8s/run/$gasw_k8s_uid/$6
  if ! gasw_k8s_make_folder "$4" "$6" "${3##*/}"; then
    printf 'user %s cannot make the folder %s in %s\nExiting with return value 22\n' "$EUID" "$gasw_k8s_place" "$PWD" >&2
    gasw_k8s_end 22 "$4" "${3##*/}" # ERROR_CREATE_EXEC_DIR
  fi
fi
if [ "$5" ] && { [ "${HOME:-/}" = / ] || [ ! -w "$HOME" ]; }; then export HOME=$5; fi

if [ "$gasw_k8s_signal" != - ]; then gasw_k8s_end 143 "$4" "${3##*/}"; fi
# With job control: in a process group of its own, so that what the script signals with `kill 0` is not the wrapper, and with INT and QUIT
# for the script to handle. The shell would tell of a script that ends meanwhile.
exec 9>&2 2>/dev/null
set -o monitor
gasw_k8s_run "$3" "$gasw_k8s_place" 2>&9 9>&- &
set +o monitor
exec 2>&9 9>&-
if [ "$gasw_k8s_signal" != - ] && [ -z "$gasw_k8s_sent" ]; then gasw_k8s_tell; fi
# A signal ends the waiting, not the script: 127 says that nothing more is known of it.
while wait "$!"; gasw_k8s_code=$?; kill -0 "$!" 2>/dev/null; do :; done
if [ "$gasw_k8s_signal" != - ]; then
  wait "$!" 2>/dev/null
  gasw_k8s_known=$?
  if [ "$gasw_k8s_known" != 127 ]; then gasw_k8s_code=$gasw_k8s_known; fi
fi
gasw_k8s_end "$gasw_k8s_code" "$4" "${3##*/}"
