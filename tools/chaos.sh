#!/usr/bin/env bash
# Injects the faults of docs/reliability.md. Arguments go to chaos/run.py; without any, all rows run and the table is
# written into the document.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/test-deps.sh chaos
if [ $# = 0 ]; then
  set -- --write
fi
PATH=$PATH:/usr/sbin exec .venv/bin/python -m chaos.run "$@"
