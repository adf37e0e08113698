#!/usr/bin/env bash
# Installs a JDK where there is none (Debian, as root): the harness of the GASW plugin is compiled where it is run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v javac >/dev/null || bash scripts/packages.sh openjdk-17-jdk-headless
