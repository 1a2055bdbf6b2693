#!/usr/bin/env bash
# What CI runs: format, lint, types, import contracts, then all tests. Stops at the first that fails.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "==> format"
.venv/bin/ruff format --check .
echo "==> lint"
.venv/bin/ruff check .
echo "==> types"
.venv/bin/mypy
echo "==> imports"
.venv/bin/lint-imports
exec tools/test.sh
