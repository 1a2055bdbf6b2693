#!/usr/bin/env bash
# Prints the path of a Python of 3.11 or later: $PYTHON, or the system's, or one from the PATH. The system's is
# preferred, even if its venv module must be installed first: distributions optimise theirs, which serves about a
# quarter more requests a second.
set -euo pipefail

suits() { # whether a Python is recent enough and can import modules
  "$1" -c "import sys; import $2; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1
}

chosen() {
  "$1" -c 'import sys; print(sys.executable)'
  exit 0
}

can_install() { command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; }

system=/usr/bin/python3
candidates=(${PYTHON:+"$PYTHON"} "$system" python3.11 python3 python3.12 python3.13 python3.14)
for candidate in "${candidates[@]}"; do
  if suits "$candidate" ensurepip,venv || { [ "$candidate" = "$system" ] && suits "$system" sys && can_install; }; then
    chosen "$candidate"
  fi
done
for candidate in "${candidates[@]}"; do
  if suits "$candidate" sys; then chosen "$candidate"; fi
done
echo "Python 3.11 or later is needed, and none is on the PATH. On Debian 12: apt-get install python3" >&2
exit 1
