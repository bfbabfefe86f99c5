#!/bin/sh
# The tests drive a real Chromium and write to a real PostgreSQL. Install Debian's where that is possible,
# otherwise say how.
missing=
command -v chromium >/dev/null 2>&1 || missing="chromium fonts-dejavu-core"
command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "installing for the tests: $missing"
    log=$(mktemp)
    settings=/etc/postgresql-common/createcluster.conf  # the programs alone, and no server that stays
    [ -e "$settings" ] || { mkdir -p "${settings%/*}" && echo "create_main_cluster = false" >"$settings"; }
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } \
        >"$log" 2>&1 && exit 0
    tail -20 "$log"
fi
echo "the tests need programs that are not installed; on Debian or Ubuntu: sudo apt-get install $missing" >&2
exit 1
