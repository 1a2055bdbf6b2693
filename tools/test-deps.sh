#!/usr/bin/env bash
# Installs the Debian packages that the tests need (or, with `bench` or `chaos`, the measurements), if they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin

missing=()
needs() { command -v "$1" >/dev/null || missing+=("$2"); } # COMMAND PACKAGE

case ${1:-test} in
test)
  needs chromium chromium
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
  needs mariadbd mariadb-server-core
  needs my_print_defaults mariadb-client-core
  needs openssl openssl
  needs slapd slapd
  needs zbarimg zbar-tools
  compgen -G '/usr/share/fonts/*/noto/*CJK*' >/dev/null || missing+=(fonts-noto-cjk)
  ;;
chaos)
  needs nginx nginx-light
  needs wrk wrk
  needs slowhttptest slowhttptest
  needs taskset util-linux
  ;;
bench)
  needs nginx nginx-light
  needs wrk wrk
  needs taskset util-linux
  ;;
esac

if [ ${#missing[@]} -gt 0 ]; then
  tools/apt-install.sh "${missing[@]}"
fi
