#!/usr/bin/env bash
# Makes .venv with pinned dependencies and the `gateway` command. Does nothing when nothing has changed.
# Usage: tools/setup.sh [dev]      dev: also what tests and checks need
set -euo pipefail
cd "$(dirname "$0")/.."

lock=requirements${1:+-$1}.lock
python=$(tools/python.sh)

stamp() { # of a lock file: what .venv must have been made from
  { echo "$PWD" && "$python" -V && cat "$1" pyproject.toml tools/setup.sh; } | sha256sum
}

made_from() { # whether .venv was made from a lock file
  [ -x .venv/bin/gateway ] && [ "$(cat ".venv/$1.made" 2>/dev/null)" = "$(stamp "$1")" ]
}

# requirements-dev.lock holds all that requirements.lock does, in the same versions.
if made_from "$lock" || made_from requirements-dev.lock; then
  exit 0
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  tools/apt-install.sh "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
fi

# A folder that was moved, or a Python that has gone or changed, leaves scripts that point nowhere.
if [ "$(.venv/bin/python -V 2>/dev/null)" != "$("$python" -V)" ] ||
  ! .venv/bin/python -m pip --version >/dev/null 2>&1 || ! grep -qs "^#!$PWD/.venv/" .venv/bin/pip; then
  echo "==> making .venv with $("$python" -V)"
  "$python" -m venv --clear .venv
fi
echo "==> installing pinned dependencies ($lock)"
pip=(.venv/bin/python -m pip --quiet --disable-pip-version-check install --no-input)
"${pip[@]}" --require-hashes --requirement "$lock" </dev/null
"${pip[@]}" --no-deps --no-build-isolation --editable . </dev/null # setuptools comes from the lock file
stamp "$lock" >".venv/$lock.made"
