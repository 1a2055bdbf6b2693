#!/usr/bin/env bash
# Measures the gateway beside plain nginx. $PEERS: other proxies too, `all` or some by name. Arguments go to bench/run.py.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/test-deps.sh bench
exec .venv/bin/python -m bench.run --peers "${PEERS:-}" "$@"
