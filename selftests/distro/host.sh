#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Shared by the scripts of make check-distro that run on the machine itself. To be sourced.
#
#   suites              the releases of Debian that weft is tested in
#   in_root DIRECTORY COMMAND...    runs it there, with /proc, /dev and /sys

# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "${BASH_SOURCE[0]}")/../run/vm/host.sh"

# shellcheck disable=SC2034 # read by the scripts that source this one
suites="bookworm trixie"

# The mounts end with the namespace.
in_root() { # in_root DIRECTORY COMMAND...
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --propagation private sh -e -c '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount -t sysfs -o ro sys "$root/sys"
		mount --rbind /dev "$root/dev"
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
			DEBIAN_FRONTEND=noninteractive "$@"
	' sh "$@"
}
