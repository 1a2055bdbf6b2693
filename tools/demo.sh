#!/usr/bin/env bash
# Runs the demo. Ctrl-C ends all of it.
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/gateway demo
