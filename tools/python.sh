#!/usr/bin/env bash
# Prints the path of a Python that can run this project: $PYTHON, or one of 3.11 and later from the PATH.
set -euo pipefail
for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3 python3.12 python3.13 python3.14; do
  if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    exec "$candidate" -c 'import sys; print(sys.executable)'
  fi
done
echo "Python 3.11 or later is needed, and none is on the PATH. On Debian 12: apt-get install python3" >&2
exit 1
