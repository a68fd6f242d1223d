#!/usr/bin/env bash
# Makes everything in testdata/ that real Keras decides, byte for byte the same each time:  scripts/goldens.sh
# Compares it with what Keras gives here and now, and fails on drift:                       scripts/goldens.sh --check
# One family or case of testdata/golden or testdata/models:                                 scripts/goldens.sh --only golden/Dense/
#
# What was trained once (scripts/train_mnist.py) is kept; it is only asked to predict anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
python=$(./venv.sh)/bin/python

export KERAS_BACKEND=tensorflow
export CUDA_VISIBLE_DEVICES=       # a GPU's kernels give other last bits
export TF_ENABLE_ONEDNN_OPTS=0     # Eigen's kernels: oneDNN picks its by processor
export TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 OMP_NUM_THREADS=1
export TF_CPP_MIN_LOG_LEVEL=3 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1

if [[ $# -eq 0 ]]; then
  for script in h5files npyfiles pixels parity losses_metrics summaries callbacks datasets; do
    "$python" -W ignore "$script.py"
  done
fi
failed=0
"$python" -W ignore -m goldens "$@" || failed=1
TF_ENABLE_ONEDNN_OPTS=1 "$python" -W ignore -m goldens --onednn "$@" || failed=1
exit $failed
