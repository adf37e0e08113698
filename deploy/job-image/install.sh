#!/bin/sh
# Installs in a Debian image what GASW's scripts need (docs/images.md). Run as root, by the Containerfile beside this.
set -eu
export DEBIAN_FRONTEND=noninteractive

# bash, coreutils, findutils, grep, sed, awk and which are in every Debian image.
apt-get -qq update
apt-get -qq install --no-install-recommends ca-certificates curl python-is-python3 python3 python3-venv
rm -rf /var/lib/apt/lists/*

# In an environment of its own: no application's packages change it, and the first line of its bosh is the path of its Python, as GASW's scripts
# need it. Only the version that was tried.
python3 -m venv /opt/boutiques
/opt/boutiques/bin/pip install --quiet --no-cache-dir boutiques==0.5.33
ln -s /opt/boutiques/bin/bosh /usr/local/bin/bosh
