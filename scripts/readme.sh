#!/usr/bin/env bash
# Does what README.md says: runs its two commands and compares what the first prints with what is shown:  scripts/readme.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
main='go run ./cmd/kinfer testdata/mnist_cnn.h5 testdata/digits'
grep -qF "$main" README.md || { echo 'README.md lacks its main command' >&2; exit 1; }
start=$SECONDS
$main >"$1/got.txt"
printf 'first answer after %d s\n' $((SECONDS - start))
# The block after the one with the command shows its output.
awk -v main="$main" '$0 == main {seen = 1; next} seen && /^```text$/ {on = 1; next} on && /^```$/ {exit} on' README.md >"$1/want.txt"
[ -s "$1/want.txt" ] || { echo 'README.md shows no output of its main command' >&2; exit 1; }
diff "$1/want.txt" "$1/got.txt"
cat "$1/got.txt"
start=$SECONDS
go test ./...
printf 'go test ./... took %d s\n' $((SECONDS - start))
