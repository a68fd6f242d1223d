#!/usr/bin/env bash
# Prints the path of a Python environment with real Keras, making it first if it isn't there (some minutes, once).
#
#   "$(scripts/venv.sh)/bin/python" scripts/goldens.py
#
# It lies in $KERASGO_VENV, else in the user's cache under a name that follows requirements.txt, so a changed pin makes a new
# one. A stamp file marks a finished environment and a lock keeps two makers apart: a half-made one is made again.
# PYTHON names the interpreter to make it with (default: python3; 3.11 or newer).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
requirements=$here/requirements.txt
hash=$(python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest()[:12])' "$requirements")
venv=${KERASGO_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/kerasgo/venv-$hash}
stamp=$venv/.complete-$hash

if [[ ! -e $stamp ]]; then
  mkdir -p "$(dirname "$venv")"
  exec 9>"$venv.lock"
  if command -v flock >/dev/null; then flock 9; fi
  if [[ ! -e $stamp ]]; then
    echo "making $venv" >&2
    "${PYTHON:-python3}" -m venv --clear "$venv" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$requirements" >&2
    "$venv/bin/python" -m compileall -q -j 0 "$venv/lib" >/dev/null 2>&1 || true # an odd file that doesn't compile is no error
    touch "$stamp"
  fi
  exec 9>&-
fi
echo "$venv"
