#!/usr/bin/env bash
# The script of the probe job (`gasw-k8s engine probe`): reports what a script that GASW generated finds where it runs. It calls nothing but bash
# until it knows what is there. gasw_k8s_job and gasw_k8s_commands are set by the lines that are put before it (probeScript.ts).
# shellcheck disable=SC2154

# report KEY VALUE…: a line of the report (probeReport.ts)
report() {
  local key=$1
  shift
  printf 'gasw-k8s-probe: %s %s\n' "$key" "$*"
}

# The last line on stdin that is not empty.
last_line() {
  local line last=
  while IFS= read -r line || [ "$line" ]; do
    if [ "$line" ]; then last=$line; fi
  done
  printf '%s' "$last"
}

# result OK FAILED COMMAND…: reports what a command has said: under OK, or under FAILED with the error's last line
result() {
  local ok=$1 failed=$2 said
  shift 2
  if said=$("$@" 2>&1); then
    report "$ok" "$(printf '%s\n' "$said" | last_line)"
  else
    report "$failed" "$(printf '%s\n' "$said" | last_line)"
  fi
}

# Prints the version of boutiques, if it tells it.
gasw_k8s_import='import boutiques
try:
    from boutiques.__version__ import VERSION
except ImportError:
    VERSION = ""
print(VERSION)'

# Prints the path of the bosh that GASW's scripts would take: where GASW's settings say, if it works there, else on the PATH, else below HOME.
find_bosh() {
  local set=$boshCVMFSPath/bosh found
  if [ -e "$set" ] && "$set" create gasw-k8s-probe-set.json >/dev/null; then
    echo "$set"
    return
  fi
  type -P bosh && return
  found=$(find "$HOME" -name bosh)
  if [ -z "$found" ] && [ -e "$set" ]; then found=$set; fi
  echo "$found"
} 2>/dev/null

# As GASW's scripts do: bosh is tried, and its first line taken for the path of its Python.
check_bosh() {
  local bosh first=
  bosh=$(find_bosh)
  if [ -z "$bosh" ]; then return; fi
  report bosh-at "$bosh"
  result bosh bosh-fails "$bosh" create gasw-k8s-probe.json
  IFS= read -r first <"$bosh"
  report interpreter "${first#"#!"}"
  result boutiques no-boutiques "${first#"#!"}" -c "$gasw_k8s_import"
} 2>/dev/null

check_home() {
  local home=${HOME:-$PWD}
  if : >"$home/.gasw-k8s-probe"; then
    rm -f "$home/.gasw-k8s-probe"
    report home "$home"
  else
    report no-home "$home"
  fi
} 2>/dev/null

# shellcheck disable=SC1090 # what GASW's scripts are told, as they are told it
source "config/$gasw_k8s_job-configuration.sh"
IFS= read -r nonce <"inv/$gasw_k8s_job-invocation.json"
report nonce "$nonce"
report user "$EUID"
report bash "$BASH_VERSION"
for name in $gasw_k8s_commands python; do
  if type -P "$name" >/dev/null; then report has "$name"; else report lacks "$name"; fi
done
if type -P python >/dev/null; then
  result json no-json python -c 'import json, sys; print(".".join(map(str, sys.version_info[:3])))'
fi
check_bosh
check_home
report site "$SITE_NAME"
report end
exit 0
