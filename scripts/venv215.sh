#!/usr/bin/env bash
# Prints the path of a Python environment with genuine Keras 2.15, and Keras 1.2.2, 2.0.8 and 2.2.4 in its folder old/, making
# it first if it isn't there. Needs Python 3.11 (PYTHON311 names it): TensorFlow 2.15 knows none newer.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
requirements=$here/requirements215.txt
hash=$(sha256sum "$requirements" | cut -c1-12)
venv=${KERASGO_VENV215:-${XDG_CACHE_HOME:-$HOME/.cache}/kerasgo/venv215-$hash}
stamp=$venv/.complete-$hash

if [[ ! -e $stamp ]]; then
  mkdir -p "$(dirname "$venv")"
  exec 9>"$venv.lock"
  if command -v flock >/dev/null; then flock 9; fi
  if [[ ! -e $stamp ]]; then
    echo "making $venv" >&2
    "${PYTHON311:-python3.11}" -m venv --clear "$venv" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$requirements" >&2
    for version in 1.2.2 2.0.8 2.2.4; do
      "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$venv/old/$version" "Keras==$version" >&2
    done
    touch "$stamp"
  fi
  exec 9>&-
fi
echo "$venv"
