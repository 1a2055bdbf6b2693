#!/usr/bin/env bash
# Installs Debian packages as root or by passwordless sudo. Where it may not, says what is missing and fails.
# Usage: tools/apt-install.sh PACKAGE…
set -euo pipefail

root=()
if [ "$(id -u)" != 0 ]; then
  root=(sudo -n)
fi
if ! command -v apt-get >/dev/null; then
  echo "Missing, and there is no apt-get to install it with: $* (Debian's names)" >&2
  exit 1
fi
if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
  echo "Missing: $*. Install with:  sudo apt-get install --no-install-recommends $*" >&2
  exit 1
fi
echo "==> installing Debian packages: $*"
policy=/usr/sbin/policy-rc.d # no service starts: whoever needs a server runs one of their own
if [ ! -e "$policy" ]; then
  trap '"${root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
  "${root[@]}" chmod 755 "$policy"
fi
"${root[@]}" apt-get -qq update </dev/null
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "$@" </dev/null >/dev/null
