#!/usr/bin/env bash
# Runs every test, with what they need installed. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/test-deps.sh
echo "==> tests"
exec .venv/bin/pytest "$@" </dev/null
