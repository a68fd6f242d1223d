#!/usr/bin/env bash
# Runs every fuzz target of the module for a while:  scripts/fuzz.sh 5s
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
long=${1:-5s}
found=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

fuzz() { go test -run '^$' -fuzz "^$2\$" -fuzztime "$long" -fuzzminimizetime 1x "./$1" >"$log" 2>&1; }

# Go's fuzzer now and then fails at the deadline itself, naming no input: that alone is tried once more. An input that fails
# is named in the output, and written.
lateByItself() { ! grep -q 'Failing input written' "$log" && grep -q 'context deadline exceeded' "$log"; }

for dir in $(git grep -lE '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do
	for target in $(git grep -hoE '^func Fuzz[A-Za-z0-9_]+' -- "$dir/*_test.go" | sed 's/^func //' | sort -u); do
		printf '%s %s\n' "$dir" "$target"
		fuzz "$dir" "$target" || { lateByItself && fuzz "$dir" "$target"; } || { cat "$log" >&2; exit 1; }
		tail -n 2 "$log"
		found=$((found + 1))
	done
done
((found > 0)) || { echo 'no fuzz targets found' >&2; exit 1; }
