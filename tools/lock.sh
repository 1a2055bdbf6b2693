#!/usr/bin/env bash
# Pins what pyproject.toml asks for, with hashes, for every platform. $UV: the uv command. Arguments go to uv.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
  echo "==> $1"
  "${UV:-uv}" pip compile --quiet --generate-hashes --no-header --no-emit-index-url --no-annotate \
    --python-version 3.11 --universal "${@:2}" pyproject.toml --output-file "$1" >/dev/null
}
compile requirements-dev.lock --extra build --extra dev "$@"
compile requirements.lock --extra build --constraint requirements-dev.lock "$@"
