#!/usr/bin/env bash
# Runs every fuzz target of the module for a while:  scripts/fuzz.sh 5s
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
long=${1:-5s}
found=0
for dir in $(git grep -lE '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do
	for target in $(git grep -hoE '^func Fuzz[A-Za-z0-9_]+' -- "$dir/*_test.go" | sed 's/^func //' | sort -u); do
		printf '%s %s\n' "$dir" "$target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$long" -fuzzminimizetime 1x "./$dir" | tail -n 2
		found=$((found + 1))
	done
done
((found > 0)) || { echo 'no fuzz targets found' >&2; exit 1; }
