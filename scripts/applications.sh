#!/usr/bin/env bash
# Makes keras.applications' networks with real Keras and proves that we give the same answers:  scripts/applications.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
"$(scripts/venv.sh)/bin/python" scripts/apps.py "$1/apps" >/dev/null
go build -o "$1/kconv" ./cmd/kconv
go build -o "$1/kinfer" ./cmd/kinfer
for ref in "$1"/apps/*.npz; do
	for model in "${ref%.npz}".keras "${ref%.npz}".h5; do
		printf '%s: ' "$(basename "$model")"
		"$1/kconv" verify "$model" --golden "$ref" | tail -n 1
	done
done
start=$(date +%s%N)
"$1/kinfer" check "$1/apps/ResNet50.h5" >/dev/null
printf 'ResNet50.h5, exec to first answer: %d ms\n' $((($(date +%s%N) - start) / 1000000))
