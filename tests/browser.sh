#!/bin/sh
# The tests drive a real Chromium. Install Debian's where that is possible, otherwise say how.
if command -v chromium >/dev/null 2>&1; then exit 0; fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "installing chromium for the browser tests"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium fonts-dejavu-core; } \
        >/tmp/chromium-install.log 2>&1 && exit 0
    tail -20 /tmp/chromium-install.log
fi
echo "the browser tests need a program called chromium; on Debian or Ubuntu: sudo apt-get install chromium" >&2
exit 1
