#!/usr/bin/env bash
# Removes what the Makefile's targets made; never data/ or secrets/.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf .venv .bench .demo build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
find . -name __pycache__ -type d -prune -exec rm -rf {} +
