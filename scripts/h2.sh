#!/usr/bin/env bash
# Fetches the JDBC drivers that the tests use, H2's with its server, into .cache/h2. Installs a JRE and Maven where they are missing (Debian, as root).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

artifacts=(
  com.h2database:h2:1.4.196
  com.h2database:h2:2.3.232
  com.h2database:h2:2.4.240
  org.postgresql:postgresql:42.7.8
  org.mariadb.jdbc:mariadb-java-client:3.5.6
)

mkdir -p .cache/h2
exec 9>.cache/h2.lock
flock 9

# keep JAR: a run that is killed must not leave half a jar.
keep() {
  local draft
  draft=$(mktemp -d .cache/h2/draft.XXXXXX)
  cp "$1" "$draft"
  mv "$draft"/*.jar .cache/h2/
  rmdir "$draft"
}

missing=()
wanted=()
command -v java >/dev/null || missing+=(openjdk-17-jre-headless)
for artifact in "${artifacts[@]}"; do
  IFS=: read -r group name version <<<"$artifact"
  jar=$name-$version.jar
  # Maven takes seconds to start for each, and has most of them since another checkout's run.
  kept=${HOME:-/root}/.m2/repository/${group//.//}/$name/$version/$jar
  [[ -s .cache/h2/$jar || ! -s $kept ]] || keep "$kept"
  [[ -s .cache/h2/$jar ]] || wanted+=("$artifact")
done
((${#wanted[@]} == 0)) || command -v mvn >/dev/null || missing+=(maven)
bash scripts/packages.sh "${missing[@]}"

for artifact in "${wanted[@]}"; do
  # Maven copies in place: a run that is killed must not leave half a jar.
  draft=$(mktemp -d .cache/h2/draft.XXXXXX)
  mvn --quiet --batch-mode dependency:copy -Dartifact="$artifact" -DoutputDirectory="$PWD/$draft" >&2
  mv "$draft"/*.jar .cache/h2/
  rmdir "$draft"
done
