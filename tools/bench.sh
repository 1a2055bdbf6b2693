#!/usr/bin/env bash
# Measures the gateway against plain nginx. Arguments go to bench/run.py.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/test-deps.sh bench
exec .venv/bin/python bench/run.py "$@"
