#!/usr/bin/env bash
# Opens every page and state in Chromium, saves pictures under build/pages/, and makes docs/images/ anew from some.
# Usage: tools/pictures.sh
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh dev
command -v convert >/dev/null || tools/apt-install.sh imagemagick

shots=$PWD/build/pages
rm -rf "$shots"
GATEWAY_SCREENSHOTS=$shots .venv/bin/pytest -q tests/e2e/test_looks.py tests/e2e/test_gallery.py

picture() { # NAME STATE-LOOK: of the width of a phone, in few colours, at most 60 KB
  convert "$shots/$2.png" -resize 390x +dither -colors 64 -strip -define png:compression-level=9 "docs/images/$1.png"
  [ "$(stat -c %s "docs/images/$1.png")" -le 61440 ] || { echo "docs/images/$1.png is over 60 KB" >&2 && exit 1; }
}

picture bind-password bind-phone-light
picture bind-sms sms-sent-phone-light
picture bind-wrong bind-wrong-phone-light
picture bind-dark bind-phone-dark
picture bind-care bind-phone-care
picture bind-own own-bind-light
picture ticket-gone ticket-gone-phone-light
for page in me-several unbind logout conflict-user_taken-replace done \
  outside-desktop outside-phone handover_start notice-too_many_tries notice-already_bound notice-signed_out \
  notice-snapshot notice-wechat_busy; do
  picture "$page" "gallery-$page-phone"
done
