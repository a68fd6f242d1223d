#!/bin/sh
# Trains COUNT (120) random models in Keras and by ktrain, and compares: scripts/training_sweep.sh [COUNT [FIRST]]
set -eu
cd "$(dirname "$0")/.."
python="$(scripts/venv.sh)/bin/python"
dir="${SWEEP_DIR:-$(mktemp -d)}"
mkdir -p "$dir"
CGO_ENABLED=0 go build -o "$dir/ktrain" ./cmd/ktrain
"$python" scripts/training_sweep.py make "$dir" "${1:-120}" "${2:-0}"
for args in "$dir"/*.args; do
    case="${args%.args}"
    # shellcheck disable=SC2046 # flags are words
    "$dir/ktrain" "$case.keras" --data "$case.npz" --epochs 2 --batch-size 8 --shuffle=false --verbose 0 -f \
        $(cat "$args") -o "$case.go.keras" --history "$case.go.json" 2>"$case.err" || true
done
"$python" scripts/training_sweep.py check "$dir"
