#!/usr/bin/env bash
# Compiles the JDBC bridge for Java 17 and newer, and writes down which source the classes are of. Needs a JDK 17 or newer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../bridge"

rm -rf classes
javac --release 17 -g:none -Xlint:all -Werror -encoding UTF-8 -d classes JdbcBridge.java
sha256sum JdbcBridge.java >classes/SOURCE.sha256
