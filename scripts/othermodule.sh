#!/usr/bin/env bash
# Uses this module from another one as the README tells:  scripts/othermodule.sh FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "$1/other"
cd "$1/other"
cat >go.mod <<MOD
module example.com/other

go 1.26

require kerasgo v0.0.0

replace kerasgo => $root
MOD
# The program is the README's own: the Go block that begins with its package clause.
awk '/^```go$/ {on = 1; text = ""; next} /^```$/ {if (on && text ~ /^package main/) {printf "%s", text; exit} on = 0} on {text = text $0 "\n"}' "$root/README.md" >main.go
grep -q '^package main' main.go || { echo 'README.md has no program' >&2; exit 1; }
go mod tidy
got=$(go run . "$root/testdata/mnist_cnn.keras")
printf '%s\n' "$got"
[ -n "$got" ]
