#!/usr/bin/env bash
# Makes testdata/old: models that genuine Keras 1.2.2, 2.0.8, 2.2.4 and 2.15 wrote and ran.  scripts/oldkeras.sh [--only REGEX]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
venv=$(./venv215.sh)

export CUDA_VISIBLE_DEVICES= TF_ENABLE_ONEDNN_OPTS=0 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1
export TF_CPP_MIN_LOG_LEVEL=3 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
status=0
for version in ${VERSIONS:-1.2.2 2.0.8 2.2.4 2.15.0}; do
  "$venv/bin/python" -W ignore -m oldkeras "$version" "$venv/old" "$@" || status=1
done
exit $status
