#!/bin/sh
# Installs those of the named Debian packages that are missing: `sh debian.sh gcc mosquitto`. Asks nothing, and does nothing the second time.
# Without root or apt it names them in one line and goes on: whoever needs one of them says so again, where it is needed.
set -eu

missing=""
for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing, going on without: as root, run: apt-get install --no-install-recommends$missing" >&2
    exit 0
fi

echo "installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o Acquire::Retries=3 update
# The names are words of ours: splitting them is what is wanted here.
# shellcheck disable=SC2086
apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 install --no-install-recommends $missing >/dev/null

# Debian starts these at once and at each boot; here servers are started by those who need one, in places of their own.
for server in mosquitto postgresql; do
    case "$missing " in
    *" $server "*)
        invoke-rc.d "$server" stop >/dev/null 2>&1 || true
        systemctl disable --quiet "$server" 2>/dev/null || true
        ;;
    esac
done
