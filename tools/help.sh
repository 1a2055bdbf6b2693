#!/usr/bin/env bash
# Lists the targets of the Makefile with the text behind their `##`.
set -euo pipefail
cd "$(dirname "$0")/.."
sed -nE 's/^([a-z-]+):.*## (.*)$/  make \1\t\2/p' Makefile | expand -t 18
