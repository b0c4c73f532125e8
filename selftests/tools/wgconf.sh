#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Configuration files that need no kernel: weft accepts those that wg(8) accepts, and refuses the others.
#
#   wgconf.sh path/to/weft

# wg configures a device in userspace here, which wgconf.py provides: it accepts all requests. Its socket is below /run,
# and this /run is a file system of the test's own.
command -v wg >/dev/null || { echo "1..0 # SKIP wg(8) is not installed (package wireguard-tools)"; exit 4; }
unshare --map-root-user --mount true 2>/dev/null || { echo "1..0 # SKIP no namespace may be made here"; exit 4; }
exec unshare --map-root-user --mount bash -c 'mount -t tmpfs wgconf /run && exec python3 "$@"' bash \
	"$(dirname "$0")/wgconf.py" "$(realpath "$1")"
