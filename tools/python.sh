#!/usr/bin/env bash
# Prints the path of a Python of 3.11 or later: $PYTHON, or the system's, or one from the PATH; first one that can make
# a venv. The system's is preferred: distributions optimise theirs, which serves about a quarter more requests a second.
set -euo pipefail
candidates=(${PYTHON:+"$PYTHON"} /usr/bin/python3 python3.11 python3 python3.12 python3.13 python3.14)
for needed in "import ensurepip, venv" "pass"; do
  for candidate in "${candidates[@]}"; do
    if "$candidate" -c "import sys; $needed; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1; then
      exec "$candidate" -c 'import sys; print(sys.executable)'
    fi
  done
done
echo "Python 3.11 or later is needed, and none is on the PATH. On Debian 12: apt-get install python3" >&2
exit 1
