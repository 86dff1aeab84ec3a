#!/usr/bin/env bash
# Get the system programs named as arguments, where they are missing: venv, dot, chromium.
# By apt-get, as root or through `sudo -n`; where that cannot be, one line for each says what to install.
# Exit status 0 when all could be had, else 1.
set -uo pipefail

python=${PYTHON:-python3}

have() {
  local browser program
  case $1 in
    venv) "$python" -c 'import ensurepip, venv' 2>/dev/null ;;
    dot) command -v dot >/dev/null ;;
    chromium)
      if [ -n "${CHROMIUM:-}" ]; then command -v "$CHROMIUM" >/dev/null; return; fi
      # The tests take the first of these. Ubuntu's is a snap (a link to it, or a script that starts it), whose sandbox
      # keeps it from reading what the tests write.
      for browser in chromium chromium-browser google-chrome google-chrome-stable; do
        program=$(command -v "$browser") || continue
        [[ $(readlink -f "$program") != */snap* ]] && ! grep -qs /snap/bin "$program"
        return
      done
      return 1
      ;;
  esac
}

package() {
  case $1 in
    venv) echo python3-venv ;;
    dot) echo graphviz ;;
    chromium) echo chromium fonts-dejavu-core ;;
  esac
}

advice() {
  case $1 in
    venv) echo "python3-venv is missing: install it with 'apt-get install python3-venv', or set PYTHON to a Python 3.10 or newer with venv" ;;
    dot) echo "Graphviz's dot is missing: install it with 'apt-get install graphviz' to have graphs drawn by it" ;;
    chromium) echo "Chromium is missing: install it, or set CHROMIUM to the path of a Chromium or Chrome that is no snap; the browser tests need it" ;;
  esac
}

apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@"; }

may_install() {
  as_root=()
  command -v apt-get >/dev/null || return
  [ "$(id -u)" = 0 ] && return
  as_root=(sudo -n)
  command -v sudo >/dev/null && sudo -n true 2>/dev/null
}

missing=()
for name in "$@"; do
  case $name in
    venv | dot | chromium) ;;
    *) echo "$0: '$name' is not one of venv, dot, chromium" >&2; exit 2 ;;
  esac
  have "$name" || missing+=("$name")
done
[ ${#missing[@]} = 0 ] && exit 0

wanted=()
for name in "${missing[@]}"; do
  if [ "$name" = chromium ] && { [ -n "${CHROMIUM:-}" ] || grep -qs '^ID=ubuntu' /etc/os-release; }; then continue; fi
  wanted+=($(package "$name"))
done
if [ ${#wanted[@]} -gt 0 ] && may_install; then
  echo "Installing ${wanted[*]} by apt-get"
  log=$(mktemp)
  { apt update -q; apt install -qy --no-install-recommends "${wanted[@]}"; } >"$log" 2>&1 </dev/null || tail -n 3 "$log"
  rm -f "$log"
fi

status=0
for name in "${missing[@]}"; do
  have "$name" || { advice "$name"; status=1; }
done
exit $status
