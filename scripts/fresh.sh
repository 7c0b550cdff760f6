#!/bin/sh
# Does a task as a newcomer would meet it: a fresh clone of HEAD, a bare PATH, an empty home, nothing in the environment.
# usage: fresh.sh [TASK]   (default: test)
set -eu
task=${1:-test}
source=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
folder=$(mktemp -d "${TMPDIR:-/tmp}/orchestra-fresh-XXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
git clone --quiet "$source" "$folder/clone"
mkdir "$folder/home"
echo "fresh: make $task in $folder/clone at $(git -C "$folder/clone" rev-parse --short HEAD)"
env -i PATH=/usr/bin:/bin HOME="$folder/home" LANG=C.UTF-8 make --no-print-directory -C "$folder/clone" "$task"
