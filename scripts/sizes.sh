#!/usr/bin/env bash
# Builds the commands and holds their size to its bounds; shows how long a first answer takes:  scripts/sizes.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for c in kinfer:10 kconv:12 ktrain:16; do
	name=${c%:*} most=${c#*:}
	go build -o "$1/$name" "./cmd/$name"
	size=$(wc -c <"$1/$name")
	printf '%s: %d.%02d MB (bound %d)\n' "$name" $((size / 1000000)) $((size / 10000 % 100)) "$most"
	((size < most * 1000000)) || { echo "$name is larger than $most MB" >&2; exit 1; }
done
png=$(ls testdata/digits/*.png | head -n 1)
for _ in 1 2 3 4 5; do
	start=$(date +%s%N)
	"$1/kinfer" testdata/mnist_cnn.h5 "$png" >/dev/null 2>&1
	printf 'kinfer, exec to exit: %d us\n' $((($(date +%s%N) - start) / 1000))
done
